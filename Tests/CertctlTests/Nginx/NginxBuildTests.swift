import Testing

@testable import CertctlServing

@Suite struct NginxBuildTests {
  private func build(_ version: String, _ library: String, _ arguments: String = "") -> NginxBuild?
  {
    NginxBuild(
      versionOutput: """
        nginx version: \(version)
        built by gcc 14.2.0 (Debian)
        built with \(library)
        TLS SNI support enabled
        configure arguments: --with-cc-opt='-O2 -g' \(arguments)

        """)
  }

  @Test func `the features of Debian's nginx 1.22 are recognised`() throws {
    let debian = try #require(
      build(
        "nginx/1.22.1", "OpenSSL 3.0.22 25 Aug 2026",
        "--conf-path=/etc/nginx/nginx.conf --with-http_ssl_module --with-http_v2_module"))
    #expect(debian.version == NginxVersion(1, 22, 1))
    #expect(debian.openSSL == NginxVersion(3, 0, 22))
    #expect(debian.hasHTTP2 && debian.rejectsHandshake)
    #expect(!debian.hasHTTP2Directive && !debian.hasHTTP3 && !debian.knowsMLKEM)
    #expect(!debian.resolvesServers && !debian.hasAddHeaderInherit && !debian.hasServerProtocols)
  }

  @Test func `the OpenSSL version at run time counts`() throws {
    let new = try #require(
      build(
        "nginx/1.30.6 (Ubuntu)", "OpenSSL 3.4.0 1 Jan 2025 (running with OpenSSL 3.5.1 1 Jul 2025)",
        "--with-http_v2_module --with-http_v3_module"))
    #expect(new.openSSL == NginxVersion(3, 5, 1))
    #expect(new.knowsMLKEM && new.hasHTTP2Directive && new.hasHTTP3 && new.resolvesServers)
    #expect(new.hasAddHeaderInherit && new.hasKeepaliveMinTimeout && new.hasServerProtocols)
  }

  @Test func `forks of nginx and OpenSSL are recognised`() throws {
    let resty = try #require(build("openresty/1.25.3.1", "OpenSSL 1.1.1w  11 Sep 2023"))
    #expect(resty.version > NginxVersion(1, 25, 1) && resty.version < NginxVersion(1, 27))
    let boring = try #require(build("nginx/1.29.4", "BoringSSL"))
    #expect(boring.openSSL == nil && !boring.knowsMLKEM && !boring.hasHTTP2)
    for other in ["", "Apache/2.4", "nginx version: x", "nginx version: nginx/"] {
      #expect(NginxBuild(versionOutput: other) == nil)
    }
  }

  @Test func `versions are compared numerically`() {
    #expect(NginxVersion(1, 9, 15) < NginxVersion(1, 25, 1))
    #expect(NginxVersion(1, 25) < NginxVersion(1, 25, 1))
    #expect(NginxVersion("3.5.0-alpha1")?.description == "3.5.0")
    #expect(NginxVersion("one") == nil)
  }
}
