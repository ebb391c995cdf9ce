import ACME
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing

/// The challenge type descriptors and the rules derived from them.
struct ChallengeMethodTests {
  @Test func `each type is listed once and requires only settings it accepts`() {
    let methods = Catalog.challengeMethods
    #expect(Set(methods.map(\.type)).count == methods.count)
    for method in methods {
      #expect(method.required.isSubset(of: method.settings), "\(method.type)")
      #expect(!method.nameKinds.isEmpty, "\(method.type)")
    }
    #expect(Catalog.usualChallenge() == .http01)
    #expect(Catalog.usualChallenge(hasProvider: true) == .dns01)
  }

  @Test func `only DNS types prove wildcards, only host types prove addresses`() {
    let kinds = { (name: Identifier) in
      Set(Catalog.challengeMethods.filter { $0.proves(name) }.map(\.type))
    }
    #expect(kinds(.dns("*.a.test")) == [.dns01, .dnsAccount01, .dnsPersist01])
    #expect(kinds(.ip("192.0.2.1")) == [.http01, .tlsALPN01])
    #expect(kinds(.dns("a.test")).count == Catalog.challengeMethods.count)
    let ofDNS = Catalog.challengeMethods.filter(\.isOfDNS).map(\.type)
    #expect(Set(ofDNS) == kinds(.dns("*.a.test")))
    #expect(!ChallengeType.http01.isOfDNS && !ChallengeType(rawValue: "onion-csr-01").isOfDNS)
    #expect(ChallengeType.dnsAccount01.makesRecords && !ChallengeType.dnsPersist01.makesRecords)
  }

  @Test func `help lists the types that accept an option`() {
    #expect(ChallengeSetting.webroot.types == "http-01")
    #expect(ChallengeSetting.httpAddress.types == "http-01 and tls-alpn-01")
    #expect(ChallengeSetting.provider.types == "dns-01 and dns-account-01")
  }

  static let advice: [(ChallengeType, ProblemType?, String)] = [
    (.http01, .connection, "port 80"),
    (.http01, .unauthorized, "fetch http://NAME/.well-known/acme-challenge/test"),
    (.http01, nil, "fetch http://NAME"),
    (.http01, .dns, "A or AAAA"),
    (.http01, .caa, "CAA record"),
    (.tlsALPN01, .connection, "port 443"),
    (.tlsALPN01, .dns, "A or AAAA"),
    (.dns01, .dns, "delegated"),
    (.dnsAccount01, .unauthorized, "delegated"),
    (.dns01, .caa, "CAA record"),
    (.dns01, .connection, "--dry-run"),
    (.dnsPersist01, .unauthorized, "--dry-run"),
    (.dnsPersist01, .rateLimited, "too many failures"),
    ("onion-csr-01", .dns, "A or AAAA"),
    ("onion-csr-01", nil, "--dry-run"),
  ]

  @Test(arguments: advice)
  func `a validation failure has a hint for its challenge type`(
    _ type: ChallengeType, _ problem: ProblemType?, _ words: String
  ) {
    let error = ACMEError(
      .authorizationInvalid, "validate", problem: problem.map { Problem(type: $0, status: 403) })
    let advised = CertctlError(error, advisedFor: [], or: [type])
    #expect(advised.hint?.contains(words) == true, "\(advised.hint ?? "-")")
    #expect(advised.code == .challengeFailed)
  }

  @Test func `the error for a wildcard without a DNS type says how to proceed`() {
    let name = Identifier.dns("*.a.test")
    func error(_ settings: ChallengeSettings, _ isGiven: Bool) -> CertctlError? {
      #expect(throws: CertctlError.self) { try settings.check([name], isGiven: isGiven) }
    }
    let http = error(ChallengeSettings(type: .http01), false)
    #expect(http?.hint?.contains("add --dns PROVIDER") == true)
    #expect(http?.hint?.contains("leave out") == false)
    let given = error(
      ChallengeSettings(type: .http01, dns: DNSSettings(provider: "rfc2136")), true)
    #expect(given?.hint?.contains("leave out --challenge") == true)
    #expect(given?.hint?.contains("--dns") == false)
    let unknown = error(ChallengeSettings(type: "onion-csr-01"), true)
    #expect(unknown?.message.contains("onion-csr-01") == true)
  }

  @Test func `a type that creates records requires a DNS provider`() {
    let error = #expect(throws: CertctlError.self) {
      try ChallengeSettings(type: .dnsAccount01).check([.dns("a.test")], isGiven: true)
    }
    expectError(error, code: .usage, mentions: "dns-account-01 requires", "provider")
    #expect(throws: Never.self) {
      try ChallengeSettings(type: .dnsPersist01).check([.dns("a.test")], isGiven: true)
    }
  }
}
