import TestSupport
import Testing

/// The files of `certctl dhparam` in nginx.
@Suite(.needsNginx, .timeLimit(.minutes(10)))
struct DHParametersNginxTests {
  /// Expects nginx to accept the file without a warning.
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
    // Some builds of nginx have relative default paths.
    let test = ["-t", "-q", "-p", folder.path, "-e", "stderr", "-c", file]
    let result = try await Program("nginx", test).run()
    #expect(result.exitCode == 0 && result.standardError == "", "\(result)")
  }

  @Test(arguments: [[], ["--bits", "4096"], ["--generate"]])
  func `nginx accepts the parameters`(_ options: [String]) async throws {
    try await CommandLineBench.with { bench in
      let file = bench.folder.path("dhparam.pem")
      try await bench.binary.run(["dhparam", "--out", file] + options, within: .seconds(240))
        .requireSuccess("certctl dhparam")
      try await expectNginxAccepts(file, in: bench.folder)
    }
  }
}
