import CertctlBase
import CertctlSystem
import Testing

@testable import CertctlServing

/// The parsing of `nginx -T` output and of the master's process title.
struct NginxConfigurationTests {
  private func servers(_ files: (path: String, text: String)...) throws -> [NginxServer] {
    let dump = files.map { "# configuration file \($0.path):\n\($0.text)\n\n" }.joined()
    return try #require(NginxConfiguration(dump: dump)).servers
  }

  private let folder = "/etc/nginx"

  @Test func `servers are found in included files`() throws {
    let found = try servers(
      (
        "\(folder)/nginx.conf",
        """
        user www-data; # not { this
        include /etc/nginx/modules-enabled/*.conf;
        http { ssl_protocols TLSv1.2 TLSv1.3; include /etc/nginx/sites-enabled/*; }
        """
      ),
      (
        "\(folder)/sites-enabled/a.conf",
        """
        server { listen 80; server_name a.test; return 308 https://$host$request_uri; }
        server {
          listen 443 ssl http2; listen [::]:443 ssl; server_name a.test *.a.test ~^x(?<n>\\d+)$;
          ssl_certificate "/var/lib/certctl/live/a.test/fullchain.pem";
          ssl_certificate /var/lib/certctl/live/a.test/rsa/fullchain.pem;
          location / { add_header X "a; \\"b\\" { c"; proxy_pass http://${backend}/; }
        }
        """
      ))
    #expect(
      found == [
        NginxServer(
          listens: [
            .init(endpoint: Endpoint(host: "127.0.0.1", port: 443)),
            .init(endpoint: Endpoint(host: "::1", port: 443)),
          ], names: ["a.test", "*.a.test", "~^x(?<n>\\d+)$"],
          certificates: [
            "/var/lib/certctl/live/a.test/fullchain.pem",
            "/var/lib/certctl/live/a.test/rsa/fullchain.pem",
          ], policy: ["ssl_protocols": ["TLSv1.2", "TLSv1.3"]])
      ])
  }

  @Test func `a certificate in the http block applies to servers without one`() throws {
    let found = try servers(
      (
        "\(folder)/nginx.conf",
        """
        http {
          ssl_certificate certs/all.pem;
          server { listen 192.0.2.1:8443 ssl proxy_protocol; server_name a.test; }
          server { listen 8444 ssl; ssl_certificate /own.pem; }
          server { listen 443 quic; listen unix:/run/x ssl; }
        }
        """
      ))
    #expect(found.map(\.certificates) == [["/etc/nginx/certs/all.pem"], ["/own.pem"]])
    #expect(
      found[0].listens == [
        .init(endpoint: Endpoint(host: "192.0.2.1", port: 8443), expectsProxyHeader: true)
      ])
  }

  @Test func `ssl on, stream servers and embedded Lua code are understood`() throws {
    let found = try servers(
      (
        "/nginx.conf",
        """
        http {
          init_by_lua_block { local t = { "}" } -- server {
          }
          server { listen 8443; ssl on; ssl_certificate /a.pem; }
        }
        stream { server { listen 853 ssl; ssl_certificate /b.pem; } }
        """
      ))
    #expect(found.map(\.certificates).contains(["/b.pem"]))
  }

  @Test func `a header line inside a file does not override another file`() {
    let dump = """
      # configuration file /main:
      user a;
      # configuration file /theirs:
      add_header X "
      # configuration file /main:
      load_module /evil.so;
      ";
      """
    #expect(NginxConfiguration(dump: dump)?.texts["/main"] == "user a;\n")
  }

  @Test func `text without a configuration is rejected`() {
    #expect(NginxConfiguration(dump: "nginx: [emerg] unknown directive") == nil)
    #expect(NginxConfiguration(dump: "") == nil)
  }

  @Test(arguments: ["{", "}", "a {", "\"", "'\\", "${", "a b", ";;;", "include x; include y"])
  func `malformed text yields no servers`(_ text: String) {
    _ = NginxDirective.parse(text)
    let dump = "# configuration file /a:\n\(text)\n"
    #expect(NginxConfiguration(dump: dump)?.servers.isEmpty == true)
  }

  @Test func `a file that includes itself does not loop`() {
    let dump = "# configuration file /a:\ninclude /a; server { listen 1 ssl; include /a; }\n"
    #expect(NginxConfiguration(dump: dump) != nil)
  }

  @Test(arguments: [
    ("/usr/sbin/nginx -g daemon on; master_process on;", ["-g", "daemon on; master_process on;"]),
    ("/usr/sbin/nginx -c /etc/n.conf -p /srv", ["-c", "/etc/n.conf", "-p", "/srv"]),
    ("/usr/sbin/nginx", []),
  ])
  func `the master's title gives its program and options`(
    _ title: String, options: [String]
  ) {
    let process = RunningProcess(pid: 7, title: RunningNginx.title + title, unit: "nginx.service")
    let nginx = RunningNginx(process)
    #expect(nginx?.executable == "/usr/sbin/nginx")
    #expect(nginx?.options == options)
    #expect(nginx?.unit == "nginx.service")
  }

  @Test func `a worker process is not a master`() {
    #expect(RunningNginx(RunningProcess(pid: 7, title: "nginx: worker process")) == nil)
  }
  @Test(arguments: [
    ("--prefix=/etc/nginx --conf-path=/etc/nginx/nginx.conf", "/etc/nginx/nginx.conf"),
    ("--prefix=/opt/nginx --conf-path=n.conf", "/opt/nginx/n.conf"),
    ("--prefix=/opt/nginx", "/opt/nginx/conf/nginx.conf"),
    ("--with-http_v2_module", "/usr/local/nginx/conf/nginx.conf"),
  ])
  func `the built-in path of the main file is found`(_ arguments: String, path: String) {
    #expect(RunningNginx.builtIn("configure arguments: \(arguments)\n") == path)
  }
}
