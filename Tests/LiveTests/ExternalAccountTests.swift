import TestSupport
import Testing

/// External account binding (RFC 8555, section 7.3.4).
@Suite(.timeLimit(.minutes(15)))
struct ExternalAccountTests {
  private static let keyID = "customer-1"
  private static let secret = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
  private static let wrongSecret = String(secret.reversed())

  @Test(.needsPebble)
  func `the right key registers an account and is needed only once`() async throws {
    try await run { host in
      let result = try await host.issue("example.com", options: try options(host, Self.secret))
      #expect(result.exitCode == 0, "\(result)")
      let shown = try json(try await host.account("show", ["--json"]).requireSuccess("show"))
      #expect(shown["account"]["externalAccount"].string == Self.keyID)
      let second = try await host.issue("example.org")
      #expect(second.exitCode == 0, "\(second)")
      #expect(!containsSecret(in: host))
    }
  }

  /// One key in the encodings that CAs and tools print.
  private static let spellings = [
    "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ-_-__w", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ-_-__w==",
    "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ+/+//w", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ+/+//w==",
  ]

  @Test(.needsPebble)
  func `a key is accepted in base64 and base64url, with and without padding`() async throws {
    try await LiveHost.run {
      $0.externalAccountKeys = [Self.keyID: Self.spellings[0]]
    } _: { host in
      for spelling in Self.spellings {
        let result = try await host.account(
          "register", try options(host, spelling) + ["--agree-tos"])
        #expect(result.exitCode == 0, "\(spelling): \(result)")
        _ = try await host.account("deactivate").requireSuccess("deactivate")
      }
    }
  }

  @Test(.needsPebble)
  func `without a key the error names the required options`() async throws {
    try await run { host in
      let result = try await host.issue("example.com")
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("--eab-kid"), "\(result)")
      #expect(result.standardError.contains("--eab-hmac-key-file"), "\(result)")
      #expect(host.entries("lineages").isEmpty)
      // certctl places no order that the CA would refuse.
      #expect(!host.pebble.requests.contains("POST /order-plz"))
    }
  }

  @Test(.needsPebble)
  func `a wrong key is reported with the CA's problem, and the right one works afterwards`()
    async throws
  {
    try await run { host in
      let refused = try await host.issue(
        "example.com", options: try options(host, Self.wrongSecret) + ["--json"])
      #expect(refused.exitCode == 1, "\(refused)")
      let error = try json(refused)["error"]
      #expect(error["message"].string?.contains("register an account") == true, "\(refused)")
      #expect(error["problem"]["type"].string?.contains("unauthorized") == true, "\(refused)")
      #expect(error["problem"]["detail"].string?.isEmpty == false, "\(refused)")
      #expect(error["hint"].string?.contains("--eab") == true, "\(refused)")
      #expect(host.entries("lineages").isEmpty)
      let result = try await host.issue("example.com", options: try options(host, Self.secret))
      #expect(result.exitCode == 0, "\(result)")
    }
  }

  @Test(.needsPebble)
  func `an unknown key identifier is reported with the CA's problem`() async throws {
    try await run { host in
      let file = try host.folder.write("hmac", Self.secret)
      let result = try await host.issue(
        "example.com", options: ["--eab-kid", "somebody", "--eab-hmac-key-file", file])
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("not known to the ACME server"), "\(result)")
      #expect(result.standardError.contains("hint: compare --eab-kid"), "\(result)")
    }
  }

  @Test(.needsPebble)
  func `a key file without a valid key is a usage error`() async throws {
    try await run { host in
      let file = try host.folder.write("hmac", "this is not base64url!\n")
      let result = try await host.issue(
        "example.com", options: ["--eab-kid", Self.keyID, "--eab-hmac-key-file", file])
      #expect(result.exitCode == 64, "\(result)")
      #expect(result.standardError.contains(file))
      #expect(host.entries("accounts").isEmpty)
    }
  }

  private func run(_ body: (LiveHost) async throws -> Void) async throws {
    try await LiveHost.run {
      $0.externalAccountKeys = [Self.keyID: Self.secret]
    } _: {
      try await body($0)
    }
  }

  private func options(_ host: LiveHost, _ secret: String) throws -> [String] {
    let file = try host.folder.write("hmac", secret + "\n")
    return ["--eab-kid", Self.keyID, "--eab-hmac-key-file", file]
  }

  /// Whether a file in the state directory contains the secret.
  private func containsSecret(in host: LiveHost) -> Bool {
    let files =
      ["events.jsonl", "lineages/example.com.json"]
      + host.entries("accounts").flatMap { authority in
        host.entries("accounts/\(authority)").map { "accounts/\(authority)/\($0)/account.json" }
      }
    return files.contains { host.folder.read("state/\($0)")?.contains(Self.secret) == true }
  }
}
