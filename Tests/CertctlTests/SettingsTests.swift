import ACME
import CertctlCrypto
import CertctlSystem
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing

struct SettingsTests {
  private func resolve(
    _ flags: (inout SettingsOverrides) -> Void = { _ in }, lineage: LineageSettings? = nil,
    file: (inout SettingsOverrides) -> Void = { _ in }
  ) -> LineageSettings {
    var (overrides, defaults) = (SettingsOverrides(), SettingsOverrides())
    flags(&overrides)
    file(&defaults)
    return overrides.resolved(
      names: [.dns("example.com")], lineage: lineage, defaults: defaults)
  }

  @Test func `without options the built-in defaults apply`() {
    #expect(
      resolve() == LineageSettings(names: [.dns("example.com")], authorities: ["letsencrypt"]))
    #expect(resolve().keyType == .ec256)
    #expect(resolve().challenge == ChallengeSettings(type: .http01))
  }

  @Test func `the precedence is option, lineage, file`() {
    let file: (inout SettingsOverrides) -> Void = {
      $0.authorities = ["file"]
      $0.caBundle = "/file"
      $0.keyType = .rsa2048
      $0.reuseKey = true
      $0.profile = "file"
      $0.preferredChain = "file"
      $0.owner = "file"
      $0.group = "file"
      $0.keyMode = "0440"
    }
    let fromFile = resolve(file: file)
    #expect(fromFile.authorities == ["file"])
    #expect(fromFile.caBundle == "/file")
    #expect(fromFile.keyType == .rsa2048)
    #expect(fromFile.reuseKey)
    #expect(fromFile.profile == "file")
    #expect(fromFile.preferredChain == "file")
    #expect(fromFile.files == FileSettings(owner: "file", group: "file", keyMode: "0440"))

    let lineage = LineageSettings(
      names: [], authorities: ["lineage"], caBundle: "/lineage", keyType: .ec384, reuseKey: false,
      profile: "lineage", preferredChain: "lineage",
      files: FileSettings(owner: "lineage", group: "lineage", keyMode: "0640"))
    var fromLineage = resolve(lineage: lineage, file: file)
    fromLineage.names = []
    #expect(fromLineage == lineage)

    let fromFlags = resolve(
      {
        $0.authorities = ["flag"]
        $0.caBundle = "/flag"
        $0.keyType = .rsa4096
        $0.reuseKey = true
        $0.profile = "flag"
        $0.preferredChain = "flag"
        $0.owner = "flag"
        $0.group = "flag"
        $0.keyMode = "0400"
      }, lineage: lineage, file: file)
    #expect(fromFlags.authorities == ["flag"])
    #expect(fromFlags.caBundle == "/flag")
    #expect(fromFlags.keyType == .rsa4096)
    #expect(fromFlags.reuseKey)
    #expect(fromFlags.profile == "flag")
    #expect(fromFlags.preferredChain == "flag")
    #expect(fromFlags.files == FileSettings(owner: "flag", group: "flag", keyMode: "0400"))
  }

  @Test func `hooks replace the saved ones, and an empty list stays empty`() {
    let file: (inout SettingsOverrides) -> Void = {
      $0.hooks = ["/file"]
      $0.keepGenerations = 7
    }
    #expect(resolve(file: file).hooks == ["/file"])
    #expect(resolve(file: file).keepGenerations == 7)
    let lineage = settings("example.com") {
      $0.hooks = ["/lineage"]
      $0.keepGenerations = 3
    }
    #expect(resolve(lineage: lineage, file: file) == lineage)
    #expect(resolve({ $0.hooks = ["/flag"] }, lineage: lineage, file: file).hooks == ["/flag"])
    #expect(resolve({ $0.keepGenerations = 1 }, lineage: lineage).keepGenerations == 1)
    let none = resolve({ $0.hooks = [] }, lineage: lineage, file: file)
    #expect(resolve(lineage: none, file: file).hooks == [])
  }

  @Test func `the names are never taken from the lineage`() {
    let lineage = settings("old.example.com")
    #expect(resolve(lineage: lineage).names == [.dns("example.com")])
  }

  @Test func `a new port or address replaces the saved webroot`() {
    let lineage = settings("example.com") {
      $0.challenge = ChallengeSettings(type: .http01, webroot: "/srv")
    }
    #expect(
      resolve({ $0.httpPort = 8080 }, lineage: lineage).challenge
        == ChallengeSettings(type: .http01, httpPort: 8080))
    #expect(
      resolve({ $0.httpAddress = "::1" }, lineage: lineage).challenge
        == ChallengeSettings(type: .http01, httpAddress: "::1"))
    #expect(resolve(lineage: lineage).challenge.webroot == "/srv")
  }

  @Test func `a new webroot replaces the saved listener`() {
    let lineage = settings("example.com") {
      $0.challenge = ChallengeSettings(type: .http01, httpPort: 8080, httpAddress: "::1")
    }
    #expect(
      resolve({ $0.webroot = "/srv" }, lineage: lineage).challenge
        == ChallengeSettings(type: .http01, webroot: "/srv"))
  }

  @Test func `a new challenge type uses settings from the file, not from the lineage`() {
    let lineage = settings("example.com") {
      $0.challenge = ChallengeSettings(type: .http01, webroot: "/lineage")
    }
    let challenge = resolve({ $0.challenge = .tlsALPN01 }, lineage: lineage) {
      $0.webroot = "/file"
      $0.tlsPort = 8443
    }.challenge
    #expect(challenge == ChallengeSettings(type: .tlsALPN01, tlsPort: 8443))

    let back = resolve(
      { $0.challenge = .http01 },
      lineage: settings("example.com") {
        $0.challenge = ChallengeSettings(type: .tlsALPN01, tlsPort: 1443)
      }, file: { $0.webroot = "/file" }
    ).challenge
    #expect(back == ChallengeSettings(type: .http01, webroot: "/file"))
  }

  @Test func `settings in the file for another challenge type are not an error`() throws {
    let resolved = resolve(file: {
      $0.challenge = .tlsALPN01
      $0.webroot = "/file"
      $0.httpPort = 8080
    })
    #expect(resolved.challenge == ChallengeSettings(type: .tlsALPN01))
    try resolved.challenge.check(resolved.names, isGiven: false)
  }

  static let useless: [(String, ChallengeType, @Sendable (inout SettingsOverrides) -> Void)] = [
    ("--tls-port", .http01, { $0.tlsPort = 443 }),
    ("--http-port", .tlsALPN01, { $0.httpPort = 80 }),
    ("--http-address", .dns01, { $0.httpAddress = "::1" }),
    ("--webroot", .tlsALPN01, { $0.webroot = "/srv" }),
    ("--dns", .http01, { $0.dns.provider = "rfc2136" }),
  ]

  @Test(arguments: useless.indices)
  func `an option that the challenge type does not use is refused`(_ index: Int) {
    let (option, type, change) = Self.useless[index]
    var overrides = SettingsOverrides()
    change(&overrides)
    let error = #expect(throws: CertctlError.self) {
      try overrides.checkUse(by: [type], proving: [.dns("example.com")])
    }
    expectError(error, code: .usage, mentions: option)
  }

  @Test func `the hint for an unused option suggests only a challenge type that works`() {
    var overrides = SettingsOverrides()
    overrides.dns.provider = "rfc2136"
    let error = #expect(throws: CertctlError.self) {
      try overrides.checkUse(by: [.http01], proving: [.ip("192.0.2.1")])
    }
    expectError(error, hint: "IP addresses")
    #expect(error?.hint?.contains("--challenge") == false)
    let other = #expect(throws: CertctlError.self) {
      try overrides.checkUse(by: [.http01], proving: [.dns("example.com")])
    }
    expectError(other, hint: "--challenge dns-01")
    // No type that uses a webroot can validate both names.
    overrides.dns.provider = nil
    overrides.webroot = "/srv"
    let mixed = #expect(throws: CertctlError.self) {
      try overrides.checkUse(by: [.dns01], proving: [.dns("*.example.com"), .dns("example.com")])
    }
    expectError(mixed, hint: "http-01 cannot validate wildcards")
  }

  @Test func `http-01 and tls-alpn-01 cannot validate wildcards`() {
    for type in [ChallengeType.http01, .tlsALPN01] {
      let error = #expect(throws: CertctlError.self) {
        try ChallengeSettings(type: type).check(
          [.dns("example.com"), .dns("*.example.com")], isGiven: false)
      }
      expectError(error, mentions: "*.example.com")
      #expect(error?.exitCode == 64)
    }
    #expect(throws: Never.self) {
      try ChallengeSettings(type: .dns01, dns: DNSSettings(provider: "rfc2136"))
        .check([.dns("*.example.com")], isGiven: true)
    }
  }

  @Test func `dns-01 cannot validate IP addresses`() {
    let error = #expect(throws: CertctlError.self) {
      try ChallengeSettings(type: .dns01).check([.ip("192.0.2.1")], isGiven: true)
    }
    expectError(error, mentions: "192.0.2.1", "http-01")
    #expect(throws: Never.self) {
      try ChallengeSettings(type: .http01).check([.ip("192.0.2.1")], isGiven: true)
    }
  }

  @Test func `without a type, each name uses a challenge that can validate it`() throws {
    let names: [Identifier] = [.dns("a.test"), .dns("*.a.test"), .ip("192.0.2.1")]
    let dns = resolve({ $0.dns = DNSSettings(provider: "rfc2136") }).challenge
    #expect(names.map { dns.type(for: $0) } == [.dns01, .dns01, .http01])
    try dns.check(names, isGiven: false)
    #expect(throws: CertctlError.self) { try dns.check(names, isGiven: true) }
    // A provider in the file applies only to names that need dns-01.
    let http = resolve(file: { $0.dns = DNSSettings(provider: "rfc2136") }).challenge
    #expect(names.map { http.type(for: $0) } == [.http01, .dns01, .http01])
    try http.check(names, isGiven: false)
    let alpn = resolve {
      $0.dns = DNSSettings(provider: "rfc2136")
      $0.tlsPort = 8443
    }.challenge
    #expect(names.map { alpn.type(for: $0) } == [.dns01, .dns01, .tlsALPN01])
  }

  @Test func `a lineage keeps its DNS references unless the provider changes`() {
    let known = DNSSettings(
      provider: "rfc2136", references: ["RFC2136_TSIG_FILE": "value:/key"], port: 5353)
    #expect(DNSSettings().over(known, DNSSettings()) == known)
    let other = DNSSettings(provider: "manual").over(known, DNSSettings())
    #expect(other == DNSSettings(provider: "manual", port: 5353))
    #expect(DNSSettings().over(nil, DNSSettings()) == nil)
  }

  @Test func `a listener accepts only an IP address`() {
    let error = #expect(throws: CertctlError.self) {
      try ChallengeSettings(type: .http01, httpAddress: "localhost")
        .check([.dns("example.com")], isGiven: true)
    }
    #expect(error?.exitCode == 64)
    #expect(throws: Never.self) {
      try ChallengeSettings(type: .http01, httpAddress: "::1")
        .check([.dns("example.com")], isGiven: true)
    }
  }

  @Test func `certificate authorities are presets or https URLs`() throws {
    #expect(
      try CertificateAuthority.named("letsencrypt").directory
        == "https://acme-v02.api.letsencrypt.org/directory")
    #expect(try CertificateAuthority.named("https://ca.test/x").directory == "https://ca.test/x")
    #expect(throws: Never.self) { try CertificateAuthority.named("http://127.0.0.1:1/dir") }
    let unknown = #expect(throws: CertctlError.self) {
      try CertificateAuthority.named("letsencrpyt")
    }
    expectError(unknown, hint: "letsencrypt")
    #expect(throws: ACMEError.self) { try CertificateAuthority.named("http://ca.test/dir") }
    let sslcom = try CertificateAuthority.named("sslcom")
    #expect(sslcom.directory(for: .rsa2048).hasSuffix("rsa"))
    #expect(sslcom.directory(for: .ec384).hasSuffix("ecc"))
  }

  @Test(arguments: ["admin@example.com", "a.b+c@sub.example.org", "x@bücher.example"])
  func `an ASCII e-mail address becomes a contact, another one is refused`(_ email: String) throws {
    guard email.utf8.allSatisfy({ $0 < 0x80 }) else {
      #expect(throws: CertctlError.self) { try Registration(emails: [email]).contacts() }
      return
    }
    #expect(try Registration(emails: [email]).contacts() == ["mailto:\(email)"])
  }

  @Test(arguments: [
    "", "admin", "a@b", "a@@example.com", "a b@example.com", "a@example.com?cc=b@c.de",
  ])
  func `an invalid e-mail address is refused`(_ email: String) {
    let error = #expect(throws: CertctlError.self) {
      try Registration(emails: [email]).contacts()
    }
    #expect(error?.code == .usage)
  }
}
