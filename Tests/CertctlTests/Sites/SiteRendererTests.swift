import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlServing

/// The generated files, including those for nginx versions that no test machine has.
@Suite struct SiteRendererTests {
  private static func renderer(
    _ version: String, _ library: String = "OpenSSL 3.0.15", arguments: String = "",
    machine: ExistingNginxConfiguration.Machine = .init(), others: String = "",
    isCopied: Bool = false
  ) throws -> SiteRenderer {
    let build = try #require(
      NginxBuild(
        versionOutput: """
          nginx version: nginx/\(version)
          built with \(library)
          configure arguments: --prefix=/ --with-http_v2_module \(arguments)
          """))
    let configuration = NginxConfiguration(
      main: "/etc/nginx/nginx.conf", texts: ["/etc/nginx/nginx.conf": "http { \(others) }"])
    return SiteRenderer(
      build: build,
      paths: try SitePaths(
        nginx: "/etc/nginx", certificates: "/var/lib/certctl/live", isCopied: isCopied),
      surroundings: ExistingNginxConfiguration(configuration, machine: machine) { _ in false },
      now: Date(timeIntervalSince1970: 1_800_000_000))
  }

  private static let newest = "1.30.6"
  private static let http3 = "--with-http_v3_module"

  @Test func `the file of a proxy site matches its snapshot`() throws {
    let site = try Site.sample("a.test", to: "http://plex:32400", certificate: nil) {
      $0.hsts = SiteHSTS()
    }
    let machine = ExistingNginxConfiguration.Machine(
      resolvConf: "nameserver 127.0.0.11", hosts: nil, ifInet6: nil)
    let text = try Self.renderer(Self.newest, machine: machine)
      .siteFile(site, .complete(isDual: false))
    try expectSnapshot(text, "generated/site-proxy.conf")
  }

  @Test func `static, upload and shared files match their snapshots`() throws {
    let renderer = try Self.renderer(Self.newest, arguments: Self.http3)
    let files = try Site.sample("files.test", to: "/srv/www", certificate: nil) {
      $0.template = .static
    }
    let app = try Site.sample(
      "app.test", "www.app.test", to: "http://10.0.0.2:8080,http://10.0.0.3:8080",
      certificate: nil, locations: ["/api/=https://api.test", "/files/=/srv/files"]
    ) {
      $0.template = .upload
      $0.usesHTTP3 = true
      $0.redirectsWWW = true
      $0.passwordFile = "/etc/nginx/htpasswd"
      $0.tls = .modern
    }
    try expectSnapshot(
      renderer.siteFile(files, .complete(isDual: true)), "generated/site-static.conf")
    try expectSnapshot(
      renderer.siteFile(app, .complete(isDual: false)), "generated/site-upload.conf")
    let shared = renderer.sharedFiles(for: [files, app], dhParameters: nil)
    try expectSnapshot(
      shared.sorted { $0.key < $1.key }.map { "==> \($0.key)\n\($0.value)" }
        .joined(separator: "\n"), "generated/shared.conf")
    let managed = String(decoding: ManagedFile.bytes("server { }\n"), as: UTF8.self)
    try expectSnapshot(managed, "generated/managed.conf")
  }

  @Test func `the post-quantum group appears only if the library supports it`() throws {
    for (library, has) in [
      ("OpenSSL 3.5.0", true), ("OpenSSL 3.4.9", false),
      ("OpenSSL 3.0.1 (running with OpenSSL 3.6.1)", true),
      ("BoringSSL", false),
    ] {
      let text = try Self.renderer(Self.newest, library).tls(.intermediate)
      #expect(text.contains("ssl_ecdh_curve X25519MLKEM768:X25519:") == has, "\(library)")
    }
  }

  @Test func `obsolete and dangerous directives do not appear`() throws {
    for version in ["1.18.0", "1.22.1", "1.25.0", "1.26.3", Self.newest] {
      let renderer = try Self.renderer(version, arguments: Self.http3)
      let site = try Site.sample("a.test") {
        $0.hsts = SiteHSTS()
        $0.usesHTTP3 = true
      }
      let files = renderer.sharedFiles(for: [site], dhParameters: nil)
      let all = files.values.joined() + renderer.siteFile(site, .complete(isDual: true))
      for dead in [
        "ssl_stapling", "X-XSS-Protection", "includeSubDomains", "TLSv1 ", "TLSv1.1", "$http_host",
        "$proxy_add_x_forwarded_for", "dhparam", "DHE-RSA-AES128-GCM-SHA256:DHE",
      ] {
        #expect(!all.contains(dead), "\(version): \(dead)")
      }
      #expect(
        all.contains("listen 443 ssl http2") == (renderer.build.version < NginxVersion(1, 25, 1)))
      #expect(all.contains("ssl_reject_handshake on") == (version != "1.18.0"))
      #expect(all.contains("keepalive_min_timeout") == (version == Self.newest))
      #expect(all.contains("add_header_inherit merge") == (version == Self.newest))
    }
  }

  @Test func `HTTP/3 appears if nginx supports it, with one set of sockets`() throws {
    let machine = ExistingNginxConfiguration.Machine(resolvConf: nil, hosts: nil, ifInet6: "x")
    let site = try Site.sample("a.test") { $0.usesHTTP3 = true }
    let renderer = try Self.renderer(Self.newest, arguments: Self.http3, machine: machine)
    let text = renderer.siteFile(site, .complete(isDual: false))
    #expect(text.contains("    listen 443 quic;\n    listen [::]:443 quic;\n"))
    #expect(text.contains("add_header Alt-Svc 'h3=\":443\"; ma=86400' always;"))
    let shared = try #require(renderer.sharedFiles(for: [site], dhParameters: nil)[SiteFiles.http])
    #expect(shared.contains("listen 443 quic reuseport default_server;"))
    #expect(shared.contains("listen [::]:443 quic reuseport default_server;"))
    let other = try Self.renderer(
      Self.newest, arguments: Self.http3, machine: machine,
      others: "server { listen 443 quic reuseport; listen [::]:443 quic default_server; }")
    let beside = try #require(other.sharedFiles(for: [site], dhParameters: nil)[SiteFiles.http])
    #expect(beside.contains("listen 443 quic default_server;") && !beside.contains("[::]:443 quic"))
    let without = try Self.renderer(Self.newest).siteFile(site, .complete(isDual: false))
    #expect(!without.contains("quic") && !without.contains("Alt-Svc"))
  }

  @Test func `shared files exist only while there are sites`() throws {
    let renderer = try Self.renderer(Self.newest)
    #expect(renderer.sharedFiles(for: [], dhParameters: nil).isEmpty)
    let plain = renderer.sharedFiles(for: [try .sample("a.test")], dhParameters: "PEM")
    #expect(
      plain["certctl/dhparam.pem"] == nil && plain["certctl/tls-intermediate-dhe.conf"] == nil)
    let site = try Site.sample("a.test") { $0.usesDHE = true }
    let dhe = renderer.sharedFiles(for: [site], dhParameters: "PEM")
    #expect(dhe["certctl/dhparam.pem"] == "PEM")
    #expect(
      dhe["certctl/tls-intermediate-dhe.conf"]?.contains(
        "ssl_dhparam /etc/nginx/certctl/dhparam.pem")
        == true)
    #expect(
      renderer.siteFile(site, .complete(isDual: false)).contains(
        "certctl/tls-intermediate-dhe.conf"))
  }

  @Test func `copies use one combined file per certificate`() throws {
    let site = try Site.sample("a.test", certificate: "x")
    let copied = try Self.renderer(Self.newest, isCopied: true).siteFile(
      site, .complete(isDual: true))
    #expect(copied.contains("ssl_certificate /var/lib/certctl/live/x/combined.pem;"))
    #expect(copied.contains("ssl_certificate_key /var/lib/certctl/live/x/combined.pem;"))
    #expect(copied.contains("ssl_certificate /var/lib/certctl/live/x/rsa/combined.pem;"))
    let first = try Self.renderer(Self.newest).siteFile(site, .challengeOnly)
    #expect(
      !first.contains("ssl") && first.contains("challenge.conf") && first.contains("return 503"))
  }

  @Test func `variable names of similar hosts are distinct`() throws {
    let machine = ExistingNginxConfiguration.Machine(
      resolvConf: "nameserver 10.0.0.1", hosts: nil, ifInet6: nil)
    let renderer = try Self.renderer("1.22.1", machine: machine)
    var names: Set<String> = []
    for host in ["a-b.c.test", "a.b.c.test", "a--b.c.test", "*.a.test", "wildcard.a.test"] {
      let text = renderer.siteFile(
        try .sample(host, to: "http://one,http://two"), .complete(isDual: false))
      let line = text.split(separator: "\n").first { $0.hasPrefix("split_clients") }
      names.insert(String(try #require(line)))
    }
    #expect(names.count == 5)
  }

  @Test func `paths with a special meaning in nginx are refused`() {
    for path in ["/etc/ng inx", "/etc/nginx;", "etc/nginx", "/etc/$x", "/a/../b"] {
      #expect(throws: CertctlError.self) { try SitePaths(nginx: path, certificates: "/x") }
      #expect(throws: CertctlError.self) { try SitePaths(nginx: "/etc/nginx", certificates: path) }
    }
  }
}
