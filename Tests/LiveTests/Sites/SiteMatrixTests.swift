import ACME
import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlServing

/// Every pair of site options, rendered and tested with all nginx versions.
@Suite struct SiteMatrixTests {
  /// A value of an option, as a change of a draft.
  private typealias Choice = @Sendable (inout Draft) -> Void

  private struct Draft {
    var hosts: [String]
    var content = "http://10.0.0.1:8080"
    var locations: [String] = []
    var settings = SiteSettings()
    var stage = SiteRenderer.Stage.complete(isDual: false)
  }

  private static let contents = [
    "http://10.0.0.1:8080", "http://app:8080", "http://[2001:db8::1]:8080/", "unix:/run/app.sock",
    "http://10.0.0.1:8080,http://10.0.0.2:8081,unix:/run/app.sock", "http://one:80,http://two:81",
    "http://one:80,unix:/run/app.sock,http://10.0.0.2:82", "http://localhost:3000", "http://nas",
    "https://secure.example.com", "https://10.0.0.1:8443", "http://my_app:9000/base/",
    "https://one:8443/x/,https://localhost:8443/x/", "/srv/www",
  ]
  private static let locations = [
    [], ["/api/=http://10.0.0.3:8080"], ["/api/=http://api:8080/"],
    ["/a.b+c/=https://api/", "/a.b+c/d/=unix:/run/other.sock", "/health=http://one:80"],
    ["/files/=/srv/files", "/v1/=http://a:1,http://b:2/"], ["/v2/=http://a:1/x/,http://b:2/x/"],
  ]

  private static let choices: [[Choice]] = [
    [
      { _ in }, { $0.hosts.append("b-" + $0.hosts[0]) },
      { $0.hosts = ["*." + $0.hosts[0], $0.hosts[0]] },
      { $0.settings.redirectsWWW = true },
    ],
    contents.map { content in { $0.content = content } },
    locations.map { list in { $0.locations = list } },
    SiteTemplate.allCases.map { template in { $0.settings.template = template } },
    [{ _ in }, { $0.settings.tls = .modern }, { $0.settings.usesDHE = true }],
    [
      { _ in }, { $0.settings.hsts = SiteHSTS() },
      { $0.settings.hsts = SiteHSTS(since: .distantPast, includesSubdomains: true) },
    ],
    [{ _ in }, { $0.settings.usesHTTP3 = true }],
    [{ _ in }, { $0.settings.passesWebsockets = false }],
    [{ _ in }, { $0.settings.bodySize = "0" }, { $0.settings.bodySize = "2G" }],
    [{ _ in }, { $0.settings.timeout = 1 }, { $0.settings.timeout = 86400 }],
    [{ _ in }, { $0.settings.passwordFile = "/etc/nginx/htpasswd" }],
    [
      { _ in }, { $0.settings.verifiesUpstream = true },
      {
        $0.settings.verifiesUpstream = true
        $0.settings.upstreamName = "other.example.com"
      },
    ],
    [
      { _ in }, { $0.stage = .complete(isDual: true) }, { $0.stage = .challengeOnly },
    ],
  ]

  /// Returns sites that combine each value of an option with each value of every other one.
  private static func sites(
    http: Int, https: Int, ca: String
  ) -> [(site: Site, stage: SiteRenderer.Stage)] {
    var found: [(site: Site, stage: SiteRenderer.Stage)] = []
    var number = 0
    for (first, second) in pairs(choices.count) {
      for a in choices[first].indices {
        for b in choices[second].indices {
          number += 1
          var draft = Draft(hosts: ["s\(number).example.com"])
          for (index, values) in choices.enumerated() {
            let chosen =
              index == first ? a : index == second ? b : (number &* (index * 7 + 3)) % values.count
            values[chosen](&draft)
          }
          draft.settings.httpPort = http
          draft.settings.httpsPort = https
          if draft.settings.verifiesUpstream { draft.settings.upstreamCA = ca }
          // Skips options that exclude each other.
          guard
            let site = try? Site(
              hosts: draft.hosts.map { try Identifier(parsing: $0) }, certificate: "test",
              content: SiteContent(draft.content),
              locations: draft.locations.compactMap { try? SiteLocation($0) },
              settings: draft.settings)
          else { continue }
          found.append((site, draft.stage))
        }
      }
    }
    return found
  }

  private static func pairs(_ count: Int) -> [(Int, Int)] {
    (0..<count).flatMap { first in (first + 1..<count).map { (first, $0) } }
  }

  private static let machines = [
    SiteBench.machine, ExistingNginxConfiguration.Machine(),
    ExistingNginxConfiguration.Machine(
      resolvConf: "search x\nnameserver 10.0.0.53\nnameserver fd00::53\nnameserver fe80::1%eth0\n",
      hosts: nil, ifInet6: nil),
  ]

  @Test(
    .requires("nginx", PythonPrograms.nginx, "openssl"), .timeLimit(.minutes(10)),
    arguments: SiteNginx.allCases, machines.indices)
  func `nginx accepts every pair of options without a warning`(
    _ nginx: SiteNginx, _ machine: Int
  ) async throws {
    try await withTemporaryFolder { folder in
      var bench = SiteBench(folder: folder, build: try await nginx.build())
      bench.machine = Self.machines[machine]
      // Without a resolver nginx resolves names at its start, and those of the matrix do not exist.
      let cannotLookUp = bench.machine.resolvers.isEmpty
      try bench.issue("test", for: ["example.com"], types: [.ec256, .rsa2048])
      var sites = Self.sites(
        http: try FreePort.pick(), https: try FreePort.pick(), ca: folder.path("root.pem"))
      #expect(sites.count > 500)
      if cannotLookUp {
        sites.removeAll { site, stage in
          stage != .challengeOnly
            && ([site.content] + site.locations.map(\.content)).contains { $0.hasForeignName }
        }
        #expect(sites.count > 100)
      }
      try await bench.write(sites)
      let said = try await bench.test(by: nginx)
      #expect(said == "", "\(said.prefix(2000))")
    }
  }

  @Test(
    .requires("nginx", PythonPrograms.nginx, "openssl"), .timeLimit(.minutes(10)),
    arguments: SiteNginx.allCases)
  func `long names and foreign files do not break the configuration`(_ nginx: SiteNginx)
    async throws
  {
    try await withTemporaryFolder { folder in
      var bench = SiteBench(folder: folder, build: try await nginx.build())
      let (http, https) = (try FreePort.pick(), try FreePort.pick())
      let http2 = bench.build.hasHTTP2Directive ? "" : " http2"
      bench.others = [
        "default.conf": """
        server { listen \(http) default_server; listen [::]:\(http) default_server; server_name _; }
        server { listen \(https) ssl; server_name _; ssl_certificate live/test/fullchain.pem;
          ssl_certificate_key live/test/privkey.pem; }
        server { listen 127.0.0.1:\(https) ssl\(http2); server_name own.test;
          ssl_certificate live/test/fullchain.pem; ssl_certificate_key live/test/privkey.pem; }
        server { listen [::]:\(https) ssl ipv6only=on default_server; server_name "";
          ssl_reject_handshake on; }
        """
      ]
      try bench.issue("test", for: ["example.com"])
      let label = String(repeating: "a", count: 50)
      let site = try Site.sample("\(label).\(label).\(label).example.com") {
        $0.httpPort = http
        $0.httpsPort = https
      }
      try await bench.write([(site, .complete(isDual: false))])
      #expect(try await bench.test(by: nginx) == "")
      let text = try #require(folder.read("sites-enabled/\(site.name).conf"))
      #expect(text.contains("listen 127.0.0.1:\(https) ssl"), "its own address has its own servers")
      let shared = try #require(folder.read("certctl/http.conf"))
      #expect(!shared.contains("listen \(http) default_server"))
      #expect(shared.contains("listen \(https) ssl"))
      #expect(!shared.contains("listen [::]:\(https)"))
    }
  }
}

extension SiteContent {
  /// Whether it has a host name that the test machine cannot resolve.
  fileprivate var hasForeignName: Bool {
    guard case .upstream(let upstream) = self else { return false }
    return upstream.servers.contains { $0.hostName != nil && !$0.isLocalhost }
  }
}
