import CertctlBase
import Glibc
import HostIO
import Subprocess
import Testing

/// An nginx on loopback with one plain, one TLS and one HTTP/2 port.
final class LocalNginx: Sendable {
  let scratch: Scratch
  let plain: String
  let secure: String
  let multiplexed: String
  /// The server's own certificate, to be trusted.
  let bundle: String

  private init(_ scratch: Scratch, _ ports: [Int]) {
    self.scratch = scratch
    plain = "http://127.0.0.1:\(ports[0])"
    secure = "https://127.0.0.1:\(ports[1])"
    multiplexed = "https://127.0.0.1:\(ports[2])"
    bundle = scratch.path + "/cert.pem"
  }

  /// Starts it; the free ports may be gone by the time nginx wants them, so it is tried again.
  static func start() async throws -> LocalNginx {
    let scratch = try Scratch()
    try await run(
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
      "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
      scratch.path + "/key.pem", "-out", scratch.path + "/cert.pem")
    let page = FileAttributes(mode: 0o644)
    try scratch.folder.write("hello", Array("hello".utf8), page)
    try scratch.folder.write("big", [UInt8](repeating: 65, count: 100_000), page)
    var failure: any Error = HostError(.io, operation: "start nginx")
    for _ in 0..<5 {
      let ports = try (0..<3).map { _ in try freePort() }
      try scratch.folder.write("nginx.conf", Array(configuration(ports).utf8), page)
      do {
        try await run("nginx", "-e", "error.log", "-p", scratch.path, "-c", "nginx.conf")
        return LocalNginx(scratch, ports)
      } catch { failure = error }
    }
    throw failure
  }

  func stop() async throws {
    guard let bytes = try scratch.folder.read("nginx.pid"),
      let pid = Int32(String(decoding: bytes, as: UTF8.self).split(separator: "\n")[0])
    else { return }
    kill(pid, SIGQUIT)
  }

  /// Lines of "connection protocol method status path" for all answered requests so far.
  func log() throws -> [[Substring]] {
    let bytes = try scratch.folder.read("access.log") ?? []
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: " ")
    }
  }

  private static func run(_ program: String, _ arguments: String...) async throws {
    let result = try await Subprocess.run(
      .name(program), arguments: Arguments(arguments), output: .discarded,
      error: .string(limit: 1 << 16))
    guard result.terminationStatus.isSuccess else {
      throw HostError(
        .io, operation: "run", subject: program, detail: result.standardError)
    }
  }

  private static func configuration(_ ports: [Int]) -> String {
    """
    pid nginx.pid;
    worker_processes 1;
    events {}
    http {
      log_format test '$connection $server_protocol $request_method $status $uri';
      access_log access.log test;
      client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;
      uwsgi_temp_path t4; scgi_temp_path t5;
      server {
        listen 127.0.0.1:\(ports[0]);
        listen 127.0.0.1:\(ports[1]) ssl;
        listen 127.0.0.1:\(ports[2]) ssl http2;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        root .;
        location = /redirect { return 302 /hello; }
        location = /keep { return 307 /hello; }
        location = /down { return 302 http://127.0.0.1:\(ports[0])/hello; }
        location = /up { return 301 https://127.0.0.1:\(ports[2])/hello; }
        location = /loop { return 302 /loop; }
        location = /file { return 302 file:///etc/passwd; }
      }
    }
    """
  }
}
