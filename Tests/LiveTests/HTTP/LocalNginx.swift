import TestSupport

/// An nginx on loopback with one plain, one TLS and one HTTP/2 port.
struct LocalNginx: Sendable {
  let plain: String
  let secure: String
  let multiplexed: String
  /// The HTTP/2 port at an address that its certificate does not name.
  let misnamed: String
  /// The path of the server's certificate, as the CA bundle.
  let bundle: String

  private let folder: TemporaryFolder

  /// Runs `body` with a new server.
  static func run(_ body: (LocalNginx) async throws -> Void) async throws {
    let ports = try (0..<3).map { _ in try FreePort.pick() }
    try await NginxServer.run(
      http: configuration(ports), ports: ports,
      prepare: { folder in
        _ = try await ServerCertificate.make(in: folder)
        try folder.write("hello", "hello")
        try folder.write("big", String(repeating: "A", count: 100_000))
      }
    ) { nginx in
      try await body(
        LocalNginx(
          plain: "http://127.0.0.1:\(ports[0])", secure: "https://127.0.0.1:\(ports[1])",
          multiplexed: "https://127.0.0.1:\(ports[2])", misnamed: "https://127.0.0.2:\(ports[2])",
          bundle: nginx.folder.path("server.pem"), folder: nginx.folder))
    }
  }

  /// Returns connection, protocol, method, status and path of all answered requests so far.
  func log() -> [[Substring]] {
    (folder.read("requests.log") ?? "").split(separator: "\n").map { $0.split(separator: " ") }
  }

  private static func configuration(_ ports: [Int]) -> String {
    """
    log_format test '$connection $server_protocol $request_method $status $uri';
    server {
      access_log requests.log test;
      listen 127.0.0.1:\(ports[0]);
      listen 127.0.0.1:\(ports[1]) ssl;
      listen 127.0.0.1:\(ports[2]) ssl http2;
      listen 127.0.0.2:\(ports[2]) ssl http2;
      ssl_certificate server.pem;
      ssl_certificate_key server-key.pem;
      root .;
      location = /redirect { return 302 /hello; }
      location = /keep { return 307 /hello; }
      location = /down { return 302 http://127.0.0.1:\(ports[0])/hello; }
      location = /up { return 301 https://127.0.0.1:\(ports[2])/hello; }
      location = /loop { return 302 /loop; }
      location = /file { return 302 file:///etc/passwd; }
    }
    """
  }
}
