import FoundationEssentials
import Glibc

/// nginx with the test's configuration in its own directory; does not require root.
package struct NginxServer: Sendable {
  /// The prefix: the configuration, the logs and files of the test.
  package let folder: TemporaryFolder
  let program: RunningProgram
  /// The nginx program.
  let executable: String

  /// Runs nginx around `body`.
  ///
  /// `http` is the content of the `http` block, usually `server` blocks. Its paths are relative to
  /// `folder`, in which `prepare` may create files before nginx starts. `body` starts when all
  /// `ports` accept connections. nginx runs in `namespace`, by default in the test's own network.
  package static func run<Result: Sendable>(
    http: String, ports: [Int], executable: String = "nginx", namespace: NetworkNamespace? = nil,
    prepare: (TemporaryFolder) async throws -> Void = { _ in },
    _ body: (NginxServer) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder(label: "nginx") { folder in
      try await prepare(folder)
      try folder.write("nginx.conf", configuration(http: http))
      let plain = Program(executable, arguments(in: folder))
      let program = namespace?.inside(plain) ?? plain
      return try await program.serve(isReady: { _ in
        for port in ports {
          guard try await acceptsConnections(port, in: namespace) else { return false }
        }
        return true
      }) {
        try await body(NginxServer(folder: folder, program: $0, executable: executable))
      }
    }
  }

  /// Replaces the content of the `http` block and returns when only new workers accept connections.
  ///
  /// - Throws: `HarnessError` with nginx's message if nginx rejects the configuration, which then
  ///   does not change.
  package func reload(http: String? = nil) async throws {
    if let http {
      try folder.write("next.conf", Self.configuration(http: http))
      let test = ["-t", "-q"] + Self.arguments(in: folder, file: "next.conf")
      try await Program(executable, test).run().requireSuccess("nginx -t")
      // Atomically: a certctl of another test may read the file and report an error here.
      try Data(Self.configuration(http: http).utf8).write(
        to: URL(filePath: folder.path("nginx.conf")), options: .atomic)
    }
    let before = (started: count("start worker process "), stopped: count("gracefully shutting"))
    program.send(SIGHUP)
    try await poll("nginx to reload") {
      if count("[emerg]") > 0 { throw HarnessError("nginx refused:\n\(errorLog.tail())") }
      return count("start worker process ") > before.started
        && count("gracefully shutting") > before.stopped
    }
  }

  /// The access log so far, in nginx's combined format by default.
  package var accessLog: String { folder.read("access.log") ?? "" }

  /// The error log so far, at level notice.
  package var errorLog: String { folder.read("error.log") ?? "" }

  /// The process ID of the master.
  package var pid: Int32 { program.pid }

  private func count(_ text: String) -> Int {
    errorLog.split(separator: "\n").count { $0.contains(text) }
  }

  private static func arguments(
    in folder: TemporaryFolder, file: String = "nginx.conf"
  ) -> [String] {
    ["-p", folder.path, "-c", folder.path(file), "-e", folder.path("error.log")]
  }

  /// Returns a complete configuration with this `http` block.
  private static func configuration(http: String) -> String {
    // Workers of a root master would run as another user, who cannot enter the directory.
    let user = geteuid() == 0 ? "user root;" : ""
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    let temporary = kinds.map { "  \($0)_temp_path tmp-\($0);" }.joined(separator: "\n")
    return """
      daemon off;
      \(user)
      worker_processes 1;
      worker_shutdown_timeout 1s;
      pid nginx.pid;
      error_log error.log notice;
      events { worker_connections 256; }
      http {
        access_log access.log;
      \(temporary)
      \(http)
      }

      """
  }
}
