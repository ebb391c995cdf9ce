import TestSupport
import Testing

/// What nginx says to the files of `certctl dhparam`.
@Suite(.needsNginx, .timeLimit(.minutes(10)))
struct DHParametersNginxTests {
  /// Whether nginx takes the file.
  private func expectNginxAccepts(_ path: String, in folder: TemporaryFolder) async throws {
    let configuration = """
      error_log stderr;
      pid \(folder.path("nginx.pid"));
      events {}
      http {
        access_log off;
        ssl_dhparam \(path);
        ssl_ciphers DHE-RSA-AES128-GCM-SHA256;
        server { listen 127.0.0.1:1 ssl; ssl_reject_handshake on; }
      }
      """
    let file = try folder.write("nginx.conf", configuration)
    // Relative paths of an nginx that was built so would lead elsewhere.
    let test = ["-t", "-q", "-p", folder.path, "-e", "stderr", "-c", file]
    let result = try await Program("nginx", test).run()
    #expect(result.exitCode == 0 && result.standardError == "", "\(result)")
  }

  @Test(arguments: [[], ["--bits", "4096"], ["--generate"]])
  func `nginx takes the parameters`(_ options: [String]) async throws {
    try await CommandLineBench.with { bench in
      let file = bench.folder.path("dhparam.pem")
      try await bench.binary.run(["dhparam", "--out", file] + options, within: .seconds(240))
        .requireSuccess("certctl dhparam")
      try await expectNginxAccepts(file, in: bench.folder)
    }
  }
}
