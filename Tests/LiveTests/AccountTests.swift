import Glibc
import TestSupport
import Testing

/// The lifecycle of an ACME account.
@Suite(.timeLimit(.minutes(15)))
struct AccountTests {
  @Test(.needsPebble)
  func `an account is registered, shown and updated`() async throws {
    try await LiveHost.run { host in
      let made = try await account(
        host, "register", ["--agree-tos", "--email", "admin@example.com"])
      #expect(made["status"].string == "valid")
      #expect(made["contacts"] == ["mailto:admin@example.com"])
      let url = try #require(made["url"].string)
      #expect(url.hasPrefix(host.pebble.directoryURL.dropLast("dir".count)))

      let shown = try await account(host, "show")
      #expect(shown["url"].string == url)
      #expect(shown["status"].string == "valid")

      let updated = try await account(
        host, "update", ["--email", "a@example.com", "--email", "b@example.com"])
      #expect(updated["contacts"] == ["mailto:a@example.com", "mailto:b@example.com"])
      #expect(try await account(host, "show")["contacts"] == updated["contacts"])
      let cleared = try await account(host, "update", ["--no-email"])
      #expect(cleared["contacts"] == [])
      #expect(cleared["thumbprint"] == made["thumbprint"])
    }
  }

  @Test(.needsPebble)
  func `registering again returns the same account`() async throws {
    try await LiveHost.run { host in
      let first = try await account(host, "register", ["--agree-tos"])
      let second = try await account(host, "register", ["--agree-tos"])
      #expect(second["url"] == first["url"])
      #expect(second["id"] == first["id"])
      let authority = try #require(host.entries("accounts").first)
      #expect(host.entries("accounts/\(authority)").count == 1)
    }
  }

  @Test(.needsPebble)
  func `registration requires agreement to the terms of service`() async throws {
    try await LiveHost.run { host in
      let result = try await host.account("register")
      #expect(result.exitCode == 64, "\(result)")
      #expect(result.standardError.contains("--agree-tos"), "\(result)")
      #expect(host.entries("accounts").isEmpty)
      #expect(!host.pebble.requests.contains("POST /sign-me-up"))
    }
  }

  @Test(.needsPebble, arguments: ["ec256", "ec384", "rsa2048"])
  func `after a rollover the new key issues and the old key is deleted`(keyType: String)
    async throws
  {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let before = try await account(host, "show")
      let after = try await account(host, "rollover", ["--key-type", keyType])
      #expect(after["url"] == before["url"])
      #expect(after["keyType"].string == keyType)
      #expect(after["thumbprint"] != before["thumbprint"])
      #expect(try await account(host, "show")["thumbprint"] == after["thumbprint"])
      let authority = try #require(host.entries("accounts").first)
      let id = try #require(host.entries("accounts/\(authority)").first)
      #expect(host.entries("accounts/\(authority)/\(id)") == ["account.json", "key.pem"])
      let issued = try await host.issue("example.com", options: ["--force"])
      #expect(issued.exitCode == 0, "\(issued)")
      let revoked = try await host.certctl.run(["revoke", "example.com"])
      #expect(revoked.exitCode == 0, "\(revoked)")
    }
  }

  @Test(.needsPebble)
  func `after deactivation the next issue registers a new account`() async throws {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let before = try await account(host, "show")
      let gone = try await account(host, "deactivate")
      #expect(gone["status"].string == "deactivated")
      let shown = try await host.account("show")
      #expect(shown.exitCode == 1, "\(shown)")
      #expect(shown.standardError.contains("certctl account register"), "\(shown)")

      let result = try await host.issue("example.org")
      #expect(result.exitCode == 0, "\(result)")
      let after = try await account(host, "show")
      #expect(after["url"] != before["url"])
      #expect(after["thumbprint"] != before["thumbprint"])
      let all = try json(
        try await host.certctl.run(["account", "show", "--all", "--json"]).requireSuccess("all"))
      #expect(
        Set(all["accounts"].array.compactMap(\.["status"].string)) == ["valid", "deactivated"])
    }
  }

  @Test(.needsPebble)
  func `an account deactivated elsewhere is reported and can be deactivated locally`()
    async throws
  {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      // A copy of the state directory, as from a backup, deactivates the account.
      let copy = host.folder.path("copy")
      try await Program("cp", ["-a", host.folder.path("state"), copy]).run().requireSuccess("cp")
      try await host.certctl.run(
        ["account", "deactivate", "--state-dir", copy] + host.authority
      ).requireSuccess("deactivate")

      let refused = try await host.issue("example.com", options: ["--force"])
      #expect(refused.exitCode == 1, "\(refused)")
      #expect(refused.standardError.contains("deactivated"), "\(refused)")
      #expect(refused.standardError.contains("account deactivate"), "\(refused)")
      #expect(refused.standardError.contains("--local"), "\(refused)")
      #expect(try host.isPair("example.com"))

      let forgotten = try await account(host, "deactivate", ["--local"])
      #expect(forgotten["status"].string == "deactivated")
      let result = try await host.issue("example.com", options: ["--force"])
      #expect(result.exitCode == 0, "\(result)")
    }
  }

  @Test(.needsPebble)
  func `an account unknown to the CA is reported and can be registered again`()
    async throws
  {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let authority = try #require(host.entries("accounts").first)
      let id = try #require(host.entries("accounts/\(authority)").first)
      let path = "state/accounts/\(authority)/\(id)/account.json"
      let record = try #require(host.folder.read(path))
      try host.folder.write(
        path, record.replacing(/my-account\/[0-9a-z]+/, with: "my-account/424242"))

      let refused = try await host.issue("example.com", options: ["--force"])
      #expect(refused.exitCode == 1, "\(refused)")
      #expect(refused.standardError.contains("certctl account register"), "\(refused)")
      #expect(try host.isPair("example.com"))

      try await host.account("register", ["--agree-tos"]).requireSuccess("register")
      let result = try await host.issue("example.com", options: ["--force"])
      #expect(result.exitCode == 0, "\(result)")
    }
  }

  private func account(
    _ host: LiveHost, _ command: String, _ options: [String] = []
  ) async throws -> JSONValue {
    let result = try await host.account(command, options + ["--json"])
    #expect(result.exitCode == 0, "\(command): \(result)")
    return try json(result)["account"]
  }
}
