import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlServing

/// Sites scanned by sslyze against Mozilla's TLS guideline 6.0.
@Suite(.requires("nginx", PythonPrograms.nginx, PythonPrograms.sslyze), .timeLimit(.minutes(10)))
struct SiteScanTests {
  /// The keys of a site's certificates.
  enum Keys: String, CaseIterable {
    case ecdsa, rsa, dual

    var types: [KeyType] {
      switch self {
      case .ecdsa: [.ec256]
      case .rsa: [.rsa2048]
      case .dual: [.ec256, .rsa2048]
      }
    }
  }

  /// Scans a new site and returns the output of the scanner.
  private func scan(
    _ kind: SiteNginx, _ types: [KeyType], profile: String,
    _ change: (inout SiteSettings) -> Void = { _ in }
  ) async throws -> String {
    let build = try await kind.build()
    let (http, https) = (try FreePort.pick(), try FreePort.pick())
    return try await TestSupport.NginxServer.run(
      http: "include sites-enabled/*.conf;", ports: [http, https], executable: kind.executable,
      prepare: { folder in
        var bench = SiteBench(folder: folder, build: build)
        bench.now = Date()
        let site = try Site.sample("a.test") {
          $0.httpPort = http
          $0.httpsPort = https
          $0.hsts = SiteHSTS(since: .distantPast)
          change(&$0)
        }
        try bench.issue("test", for: ["a.test"], types: types)
        try await bench.write([(site, .complete(isDual: types.count > 1))])
      }
    ) { nginx in
      try await Program(
        PythonPrograms.sslyze,
        [
          "a.test:\(https){127.0.0.1}", "--certinfo_ca_file", nginx.folder.path("root.pem"),
          "--custom_tls_config", "\(PythonPrograms.checkout)/Fixtures/mozilla/6.0-\(profile).json",
        ]
      ).run(within: .seconds(90)).standardOutput
    }
  }

  @Test(arguments: SiteNginx.allCases, Keys.allCases)
  func `the intermediate policy complies with Mozilla's guideline`(
    _ kind: SiteNginx, _ keys: Keys
  ) async throws {
    let said = try await scan(kind, keys.types, profile: "intermediate")
    #expect(said.contains("OK - Compliant"), "\(said)")
  }

  @Test(arguments: SiteNginx.allCases)
  func `the modern policy complies with Mozilla's guideline`(_ kind: SiteNginx) async throws {
    let said = try await scan(kind, [.ec256], profile: "modern") { $0.tls = .modern }
    #expect(said.contains("OK - Compliant"), "\(said)")
  }

  @Test func `the scanner reports a cipher that the guideline does not allow`() async throws {
    let said = try await scan(.installed, [.rsa2048], profile: "intermediate") {
      $0.usesDHE = true
    }
    #expect(said.contains("FAILED - Not compliant"), "\(said)")
    #expect(said.contains("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"), "\(said)")
  }
}
