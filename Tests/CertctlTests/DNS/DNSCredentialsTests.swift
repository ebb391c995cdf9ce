import CertctlBase
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlDNS

/// The sources of DNS provider settings, and what a lineage saves of them.
@Disk struct DNSCredentialsTests {
  private static let descriptor = DNSProviderDescriptor(
    name: "vendor", title: "Vendor", documentation: "https://vendor.test",
    settings: [
      .init("V_TOKEN", "API token", aliases: ["VENDOR_TOKEN"]),
      .init("V_USER", "user name", isSecret: false),
      .init("V_PASSWORD", "password"),
      .init("V_URL", "the API's URL", isSecret: false, fallback: "https://api.vendor.test"),
      .init("V_PATH", "a file", isSecret: false, fallback: "", isPath: true),
    ], ways: [["V_TOKEN"], ["V_USER", "V_PASSWORD"]])

  private func values(
    _ environment: [String: String], configured: [String: String] = [:],
    references: [String: String] = [:], in folder: TemporaryFolder
  ) throws -> [String: String] {
    try DNSCredentials(
      environment: environment, configured: configured, configDirectory: folder.path("etc")
    ).values(of: Self.descriptor, for: DNSSettings(provider: "vendor", references: references))
  }

  @Test func `settings are looked up in order of precedence`() async throws {
    try await withTemporaryFolder(label: "credentials") { folder in
      for (name, text) in [
        ("file", "by file\n"), ("lineage", "by lineage"), ("toml", "by toml"),
        ("etc/secrets/V_TOKEN", "by folder"), ("run/V_TOKEN", "by systemd"),
      ] { try folder.write(name, text) }
      var environment = ["CREDENTIALS_DIRECTORY": folder.path("run")]
      var references: [String: String] = [:]
      var configured: [String: String] = [:]
      @Disk func token() throws -> String? {
        try values(environment, configured: configured, references: references, in: folder)[
          "V_TOKEN"]
      }
      #expect(try token() == "by systemd")
      environment["CREDENTIALS_DIRECTORY"] = nil
      #expect(try token() == "by folder")
      configured["V_TOKEN"] = folder.path("toml")
      #expect(try token() == "by toml")
      references["V_TOKEN"] = folder.path("lineage")
      #expect(try token() == "by lineage")
      environment["VENDOR_TOKEN_FILE"] = folder.path("file")
      #expect(try token() == "by file")
      environment["VENDOR_TOKEN"] = "by value"
      #expect(try token() == "by value")
    }
  }

  @Test func `missing settings are named, secrets are not shown`() async throws {
    try await withTemporaryFolder(label: "credentials") { folder in
      let none = #expect(throws: CertctlError.self) { try values([:], in: folder) }
      #expect(none?.exitCode == 78)
      expectError(
        none, mentions: "V_TOKEN, or V_USER and V_PASSWORD", hint: "etc/secrets/V_TOKEN")
      #expect(
        none?.details == ["V_TOKEN: API token", "V_USER: user name", "V_PASSWORD: password"])
      let half = #expect(throws: CertctlError.self) {
        try values(["V_PASSWORD": "hunter2"], in: folder)
      }
      expectError(half, code: .configuration, endsWith: "V_USER")
      #expect(half?.details == ["V_USER: user name"])
      #expect(half?.hint?.contains("hunter2") == false)
      let unreadable = #expect(throws: CertctlError.self) {
        try values(["V_TOKEN_FILE": folder.path("nowhere")], in: folder)
      }
      expectError(unreadable, mentions: "nowhere")
    }
  }

  @Test func `a lineage saves references, and values only if they are not secret`() async throws {
    try await withTemporaryFolder(label: "credentials") { folder in
      let credentials = DNSCredentials(
        environment: [
          "V_TOKEN": "secret", "V_USER": "me", "V_PASSWORD_FILE": "/etc/password", "V_PATH": "key",
        ], configured: [:], configDirectory: folder.path("etc"))
      let kept = credentials.references(
        for: Self.descriptor, known: ["V_URL": "value:https://old.test", "OTHER": "/x"])
      #expect(
        kept == [
          "V_USER": "value:me", "V_PASSWORD": "/etc/password", "V_URL": "value:https://old.test",
          "V_PATH": "value:\(FileManager.default.currentDirectoryPath)/key",
        ])
      #expect(credentials.secretsOfEnvironment(Self.descriptor, references: kept) == ["V_TOKEN"])
      try folder.write("etc/secrets/V_TOKEN", "secret")
      #expect(credentials.secretsOfEnvironment(Self.descriptor, references: kept).isEmpty)
    }
  }

  @Test func `an empty variable removes a saved setting`() {
    let credentials = DNSCredentials(
      environment: ["V_URL": "", "V_USER": " "], configured: [:], configDirectory: "/etc")
    let kept = credentials.references(
      for: Self.descriptor,
      known: ["V_URL": "value:https://old.test", "V_USER": "value:me", "V_PATH": "value:/x"])
    #expect(kept == ["V_PATH": "value:/x"])
  }

  @Test func `white space is trimmed, empty files are errors, path settings take no file`()
    async throws
  {
    try await withTemporaryFolder(label: "credentials") { folder in
      #expect(try values(["V_TOKEN": " secret\r\n"], in: folder)["V_TOKEN"] == "secret")
      let empty = try folder.write("empty", "\n")
      let error = #expect(throws: CertctlError.self) {
        try values(["V_TOKEN_FILE": empty], in: folder)
      }
      expectError(error, mentions: empty, "V_TOKEN_FILE", endsWith: "is empty")
      let key = try folder.write("key", "secret")
      let environment = ["V_TOKEN": "x", "V_PATH_FILE": key]
      #expect(try values(environment, in: folder)["V_PATH"] == nil)
      let kept = DNSCredentials(
        environment: environment, configured: [:], configDirectory: folder.path("etc")
      ).references(for: Self.descriptor, known: [:])
      #expect(kept.isEmpty)
    }
  }

  @Test func `a provider is found by name, or the error has a hint`() throws {
    #expect(try DNSSettings(provider: "rfc2136").type() == RFC2136.self)
    for (word, hint) in [
      ("nowhere", "certctl dns-providers"), ("rfc2", "use rfc2136"),
      ("rfc2136:key", ""), ("rfc2136:", ""),
    ] {
      let error = #expect(throws: CertctlError.self) { try DNSSettings(provider: word).type() }
      #expect(error?.exitCode == 64)
      if !hint.isEmpty { expectError(error, hint: hint) }
    }
  }

  @Test(arguments: [
    ("192.0.2.53", "192.0.2.53:53"), ("192.0.2.53:5353", "192.0.2.53:5353"),
    ("2001:db8::53", "[2001:db8::53]:53"), ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
  ])
  func `a resolver is an IP address with or without a port`(_ text: String, _ expected: String)
    throws
  {
    #expect(try DNSSettings.endpoint(text).description == expected)
  }

  @Test(arguments: [
    "dns.test", "192.0.2.53:0", "192.0.2.53:x", "[::1]x", "", "::1:99999:", "1.2.3",
  ])
  func `any other text is not a resolver`(_ text: String) {
    #expect(throws: CertctlError.self) { try DNSSettings.endpoint(text) }
  }

  @Test func `a BIND key file with comments is read`() async throws {
    try await withTemporaryFolder(label: "key") { folder in
      let file = try folder.write(
        "key",
        """
        // made by tsig-keygen
        key "Update.Example." { # the zone's
        \talgorithm hmac-sha384;
        \tsecret "//8+c2VjcmV0";
        };
        """)
      let key = try UpdateKey(file: file)
      #expect(key.name == "update.example" && key.algorithm == "hmac-sha384")
      for text in ["", "key x { algorithm hmac-md5; secret \"eA==\"; };", "key x { secret y; };"] {
        let wrong = try folder.write("wrong", text)
        let error = #expect(throws: CertctlError.self) { try UpdateKey(file: wrong) }
        #expect(error?.exitCode == 78)
      }
    }
  }
}
