import ACME
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlServing

/// A real nginx with rendered site files and an application behind it.
struct RenderedSiteHost {
  let bench: SiteBench
  let nginx: TestSupport.NginxServer
  let ports: Ports

  /// The ports of one host.
  struct Ports {
    let http: Int
    let https: Int
    /// The port of an application that echoes the request.
    let application: Int

    init() throws {
      http = try FreePort.pick()
      https = try FreePort.pick()
      application = try FreePort.pick()
    }

    /// Sets these ports.
    func settings(_ settings: inout SiteSettings) {
      settings.httpPort = http
      settings.httpsPort = https
    }
  }

  /// Runs `body` with nginx.
  ///
  /// - Parameters:
  ///   - kind: The nginx program.
  ///   - prepare: Changes the bench, writes further files, and returns the sites.
  ///   - body: Called while nginx runs.
  /// - Throws: The errors of `prepare` and `body`.
  static func run(
    _ kind: SiteNginx,
    prepare: (inout SiteBench, Ports) async throws -> [Site],
    _ body: (RenderedSiteHost) async throws -> Void
  ) async throws {
    let ports = try Ports()
    let build = try await kind.build()
    let application = """
      server {
        listen 127.0.0.1:\(ports.application);
        location / {
          return 200 "uri=$request_uri host=$http_host for=$http_x_forwarded_for real=$http_x_real_ip
      proto=$http_x_forwarded_proto forwarded=$http_forwarded prefix=$http_x_forwarded_prefix
      upgrade=$http_upgrade connection=$http_connection auth=$http_authorization.\\n";
        }
        location /framed { add_header X-Frame-Options DENY; return 200 "framed\\n"; }
        location /missing { return 404; }
        location /moved { absolute_redirect off; return 302 http://$http_host/there; }
        location /port { return 302 http://$host:\(ports.application)/there; }
        location /relative { absolute_redirect off; return 302 /there; }
      }
      """
    let http = "include sites-enabled/*.conf;\n\(application)"
    // The folder is known only inside the closure.
    let place = Place()
    try await TestSupport.NginxServer.run(
      http: http, ports: [ports.http, ports.https], executable: kind.executable,
      prepare: { folder in
        var bench = SiteBench(folder: folder, build: build)
        let sites = try await prepare(&bench, ports)
        try bench.issue("test", for: sites.flatMap(\.hosts).map(\.value))
        try await bench.write(sites.map { ($0, .complete(isDual: false)) })
        place.bench = bench
      }
    ) { nginx in
      let bench = try #require(place.bench)
      try await body(RenderedSiteHost(bench: bench, nginx: nginx, ports: ports))
    }
  }

  private final class Place { var bench: SiteBench? }

  /// Returns a response as curl prints it: the head, an empty line, the body.
  ///
  /// - Parameters:
  ///   - url: The URL without a port, which follows from the scheme.
  ///   - options: Additional options for curl.
  /// - Returns: The result of curl.
  /// - Throws: `HarnessError` if curl does not end in time.
  func get(_ url: String, _ options: String...) async throws -> ProgramResult {
    let scheme = url.hasPrefix("https:") ? "https" : "http"
    let port = scheme == "https" ? ports.https : ports.http
    let rest = url.dropFirst(scheme.count + 3)
    let name = rest.prefix { $0 != "/" }
    let path = rest.dropFirst(name.count)
    return try await Program(
      "curl",
      [
        "--silent", "--include", "--noproxy", "*", "-m", "20",
        "--cacert", bench.folder.path("root.pem"), "--connect-to", "::127.0.0.1:",
        "\(scheme)://\(name):\(port)\(path)",
      ] + options
    ).run()
  }
}
