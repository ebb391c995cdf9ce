import ACME
import CertctlCrypto
import CertctlHTTP
import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

/// The ACME library on its own, against a real CA.
@Suite(.timeLimit(.minutes(15)))
struct ACMELibraryTests {
  private func client(_ pebble: Pebble) -> ACMEClient {
    let http = CurlHTTPClient(
      CurlHTTPClient.Configuration(userAgent: "certctl-tests", caBundle: pebble.caBundlePath))
    return ACMEClient(directoryURL: pebble.directoryURL, http: http)
  }

  /// Orders a certificate, validates all names with dns-01, and returns the chain and its key.
  private func issue(
    _ account: Account, _ names: [String], _ dns: ChallengeTestServer
  ) async throws -> (chain: IssuedChain, key: PrivateKey) {
    let identifiers = try names.map { try Identifier(parsing: $0) }
    var order = try await account.newOrder(NewOrder(identifiers))
    for url in order.authorizations {
      let authorization = try await account.authorization(at: url)
      guard authorization.status == .pending else { continue }
      let challenge = try #require(authorization.challenge(.dns01))
      let value = try challenge.keyAuthorization(accountKey: account.key.publicKey).dnsTXTValue
      try await dns.setTXT("_acme-challenge." + authorization.identifier.value, value)
      try await account.respond(to: challenge)
    }
    order = try await account.waitForValidation(of: order, timeout: .seconds(30))
    let key = try PrivateKey.generate(.ec256)
    order = try await account.finalize(
      order, request: CertificateRequest(key: key, dnsNames: identifiers.map(\.value)))
    if order.status == .processing {
      order = try await account.waitForOrder(
        at: order.url, whileIn: [.processing], timeout: .seconds(30), notBefore: order.retryAfter)
    }
    return (try await account.certificateChain(of: order), key)
  }

  @Test(.requires("pebble", "pebble-challtestsrv", "openssl", "curl"))
  func `a new account gets a certificate in ten requests`() async throws {
    try await Pebble.run { pebble in
      let account = try await client(pebble).register(
        key: PrivateKey.generate(.ec256),
        NewAccount(contacts: ["admin@example.com"], termsOfServiceAgreed: true))
      let dns = try #require(pebble.dns)
      let issued = try await issue(account, ["example.com"], dns)
      #expect(issued.chain.leaf?.dnsNames == ["example.com"])
      #expect(issued.chain.leaf?.matches(issued.key) == true)
      let root = try Certificate(pem: [UInt8](try await pebble.root().utf8))
      #expect(issued.chain.certificates.last?.isIssued(by: root) == true)
      #expect(pebble.requests.count == 10, "\(pebble.requests)")
    }
  }

  @Test(
    .requires("pebble", "pebble-challtestsrv", "openssl", "curl"),
    arguments: [KeyType.ec384, .rsa2048])
  func `the whole account lifecycle works while most nonces are refused`(
    type: KeyType
  ) async throws {
    let configuration = Pebble.Configuration {
      $0.nonceRejectPercent = 60
      $0.alternateRoots = 1
    }
    try await Pebble.run(configuration) { pebble in
      let client = client(pebble)
      let firstKey = try PrivateKey.generate(type)
      #expect(try await client.findAccount(key: firstKey) == nil)
      var account = try await client.register(key: firstKey, NewAccount(termsOfServiceAgreed: true))
      let dns = try #require(pebble.dns)
      let issued = try await issue(account, ["*.example.com", "www.example.org"], dns)
      let leaf = try #require(issued.chain.leaf)
      #expect(Set(leaf.dnsNames) == ["*.example.com", "www.example.org"])
      let others = try await account.alternateChains(of: issued.chain)
      #expect(others.count == 1)
      #expect(others.first?.lastIssuerCommonName != issued.chain.lastIssuerCommonName)

      let secondKey = try PrivateKey.generate(.ec256)
      account = try await account.changeKey(to: secondKey)
      #expect(try await account.resource().status == .valid)
      #expect(try await client.findAccount(key: firstKey) == nil)
      #expect(try await client.findAccount(key: secondKey)?.url == account.url)

      try await client.revoke(
        certificate: leaf, certificateKey: issued.key, reason: .keyCompromise)
      try await account.revoke(certificate: leaf, reason: .superseded)
      let hex = leaf.serialNumber.drop { $0 == 0 }.map {
        ($0 < 16 ? "0" : "") + String($0, radix: 16)
      }
      #expect(
        try await pebble.certificateStatus(serialNumber: hex.joined()).contains("Revoked"))

      try await account.deactivate()
      await #expect(throws: ACMEError.self) { try await account.resource() }
    }
  }

  @Test(
    .requires("pebble", "pebble-challtestsrv", "openssl", "curl"),
    arguments: [HMAC.Hash.sha256, .sha384, .sha512])
  func `an external account key registers at a CA that requires one`(hash: HMAC.Hash) async throws {
    let secret = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    let configuration = Pebble.Configuration { $0.externalAccountKeys = ["kid-1": secret] }
    try await Pebble.run(configuration) { pebble in
      let key = try PrivateKey.generate(.ec256)
      var request = NewAccount(termsOfServiceAgreed: true)
      let client = client(pebble)
      let refusal = await #expect(throws: ACMEError.self) {
        try await client.register(key: key, request)
      }
      #expect(refusal?.code == .externalAccountRequired)
      request.externalAccount = try ExternalAccount(
        keyID: "kid-1", encodedKey: secret, hash: hash)
      #expect(try await client.register(key: key, request).resource().status == .valid)
    }
  }

  @Test(.requires("pebble", "pebble-challtestsrv", "openssl", "curl"))
  func `a missing TXT record is reported with the CA's reason`() async throws {
    try await Pebble.run { pebble in
      let account = try await client(pebble).register(
        key: PrivateKey.generate(.ec256), NewAccount(termsOfServiceAgreed: true))
      var order = try await account.newOrder(NewOrder([.dns("nothing.example")]))
      let authorization = try await account.authorization(at: order.authorizations[0])
      try await account.respond(to: #require(authorization.challenge(.dns01)))
      order = try await account.waitForOrder(
        at: order.url, whileIn: [.pending], timeout: .seconds(30))
      #expect(order.status == .invalid)
      let error = try await account.failure(of: order)
      #expect(error.code == .authorizationInvalid)
      #expect(error.description.hasPrefix("cannot validate nothing.example: "))
      #expect(error.hint != nil)
    }
  }
}
