import ACME
import CertctlBase
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

// The example of the landing page, verbatim; the first test below compares the two.
// example:
/// Gets a certificate for one name; `serve` publishes the response to the challenge.
func certificate(
  for name: String, from directoryURL: String, by http: any HTTPClient,
  serve: (KeyAuthorization) async throws -> Void
) async throws -> (chain: IssuedChain, key: PrivateKey) {
  let client = ACMEClient(directoryURL: directoryURL, http: http)

  // The key identifies the account: registering it again returns the same account.
  let accountKey = try await PrivateKey.generating(.ec256)
  let account = try await client.register(
    key: accountKey,
    NewAccount(contacts: ["admin@example.com"], termsOfServiceAgreed: true))

  let identifier = try Identifier(parsing: name)
  var order = try await account.newOrder(NewOrder([identifier]))
  for url in order.authorizations {
    let authorization = try await account.authorization(at: url)
    guard authorization.status == .pending, let challenge = authorization.challenge(.http01)
    else { continue }
    // The text to serve at http://<name>/.well-known/acme-challenge/<token>, see httpPath.
    try await serve(challenge.keyAuthorization(accountKey: accountKey.publicKey))
    try await account.respond(to: challenge)
  }
  if order.status == .pending {
    order = try await account.waitForValidation(of: order, timeout: .seconds(90))
  }

  // The certificate has its own key, separate from the account's.
  let key = try await PrivateKey.generating(.ec256)
  let request = try CertificateRequest(key: key, dnsNames: [identifier.value])
  order = try await account.finalize(order, request: request)
  if order.status == .processing {
    order = try await account.waitForOrder(
      at: order.url, whileIn: [.processing], timeout: .seconds(90), notBefore: order.retryAfter)
  }
  return (try await account.certificateChain(of: order), key)
}
// end of example

@Suite struct DocumentationTests {
  @Test func `the landing page shows the code compiled here`() throws {
    let file = URL(filePath: #filePath)
    let source = try String(contentsOf: file, encoding: .utf8)
    let page = try String(
      contentsOf: file.deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/ACME/Documentation.docc/ACME.md"),
      encoding: .utf8)
    let compiled = between("// example:\n", "// end of example", in: source)
    let imports = "import ACME\nimport CertctlBase\nimport CertctlCrypto\n"
    let shown = between("```swift\n" + imports, "```", in: page)
    #expect(shown.count > 1000)
    #expect(words(compiled) == words(shown))
  }

  @Test func `the landing page's example obtains a certificate`() async throws {
    let stage = try Stage { settings in
      settings.validate = { _ in nil }
    }
    var served: [String] = []
    let result = try await certificate(
      for: "Example.com", from: stage.ca.directoryURL, by: stage.ca
    ) { served.append($0.httpPath) }
    #expect(result.chain.leaf?.dnsNames == ["example.com"])
    #expect(result.chain.leaf?.matches(result.key) == true)
    #expect(served.count == 1)
  }

  private func between(_ start: String, _ end: String, in text: String) -> String {
    guard let from = text.ranges(of: start).first?.upperBound else { return "" }
    let rest = text[from...]
    guard let to = rest.ranges(of: end).first?.lowerBound else { return "" }
    return String(rest[..<to])
  }

  private func words(_ text: String) -> [Substring] { text.split { $0.isWhitespace } }
}
