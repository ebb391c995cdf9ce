import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// DHE cipher suites.
@Suite(.timeLimit(.minutes(30)), .needsPebble, .needsNginx)
struct SiteDHETests {
  private static let suite = "DHE-RSA-AES128-GCM-SHA256"

  /// Whether a client that supports only this suite can connect.
  private func connects(_ port: Int, _ name: String) async throws -> Bool {
    let words = [
      "s_client", "-connect", "127.0.0.1:\(port)", "-servername", name, "-tls1_2", "-cipher",
      Self.suite,
    ]
    return try await Program("openssl", words).run(within: .seconds(20)).exitCode == 0
  }

  @Test func `a site with --dhe gets parameters and serves clients that support only DHE`()
    async throws
  {
    try await SiteHost.run { site in
      try await site.add(
        "a.test.example", options: ["--dhe", "--key-type", "rsa2048"]
      ).requireSuccess("site add")
      let text = try #require(site.nginx.folder.read("certctl/dhparam.pem"))
      #expect(try DHParameters(pem: [UInt8](text.utf8)).group == "ffdhe2048")
      #expect(try await connects(site.tlsPort, "a.test.example"))
    }
  }

  @Test func `a certificate is deployed to a hand-written server that supports only DHE`()
    async throws
  {
    try await LiveHost.run { host in
      let port = try FreePort.pick()
      let plain = "server { listen 127.0.0.1:\(host.pebble.httpPort); location / { root web; } }\n"
      let parameters = try DHParameters.standard(bits: 2048).pem
      try await NginxServer.run(http: plain, ports: [host.pebble.httpPort]) {
        try $0.makeFolder("web")
        try $0.write("dh.pem", String(decoding: parameters, as: UTF8.self))
      } _: { nginx in
        let options = ["--webroot", nginx.folder.path("web"), "--key-type", "rsa2048"]
        try await host.issue(["example.com"], by: options).requireSuccess("issue")
        let live = host.folder.path("state/live/example.com")
        for path in ["dh.pem", nginx.folder.path("dh.pem")] {
          let secure = """
            server {
              listen 127.0.0.1:\(port) ssl;
              server_name example.com;
              ssl_protocols TLSv1.2;
              ssl_ciphers \(Self.suite);
              ssl_dhparam \(path);
              ssl_certificate \(live)/fullchain.pem;
              ssl_certificate_key \(live)/privkey.pem;
            }
            """
          try await nginx.reload(http: plain + secure)
          let again = try await host.issue(["example.com"], by: options + ["--force"])
          #expect(again.exitCode == 0, "\(path): \(again)")
          #expect(try await connects(port, "example.com"))
        }
      }
    }
  }
}
