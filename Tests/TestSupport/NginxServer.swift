import FoundationEssentials
import Glibc

/// nginx with a configuration of the test's, in a folder of its own; no root needed.
package struct NginxServer: Sendable {
  /// Its prefix: the configuration, the logs and whatever the test puts there.
  package let folder: TemporaryFolder
  let program: RunningProgram
  /// Which nginx it is.
  let executable: String

  /// Runs nginx around `body`.
  ///
  /// `http` is the text for the `http` block, usually `server` blocks; its paths are relative to
  /// `folder`, where `prepare` may put files before nginx starts. `body` starts when all `ports`
  /// accept connections. It runs in `namespace`, by default in the test's own network.
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

  /// Takes a new text for the `http` block and returns when only new workers answer.
  ///
  /// - Throws: `HarnessError` with nginx's words when the configuration is refused; the old one
  ///   then stays.
  package func reload(http: String? = nil) async throws {
    if let http {
      try folder.write("next.conf", Self.configuration(http: http))
      let test = ["-t", "-q"] + Self.arguments(in: folder, file: "next.conf")
      try await Program(executable, test).run().requireSuccess("nginx -t")
      // In one step: a certctl of another test may be reading it, and have its nginx complain here.
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

  /// The access log so far, in nginx's combined format unless the test's text says otherwise.
  package var accessLog: String { folder.read("access.log") ?? "" }

  /// Everything from notice upwards.
  package var errorLog: String { folder.read("error.log") ?? "" }

  /// The master process.
  package var pid: Int32 { program.pid }

  private func count(_ text: String) -> Int {
    errorLog.split(separator: "\n").count { $0.contains(text) }
  }

  private static func arguments(
    in folder: TemporaryFolder, file: String = "nginx.conf"
  ) -> [String] {
    ["-p", folder.path, "-c", folder.path(file), "-e", folder.path("error.log")]
  }

  /// A whole configuration around the `http` block's text.
  private static func configuration(http: String) -> String {
    // Workers of a root master would run as another user, who may not enter the folder.
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
