import TestSupport
import Testing

/// The first command of the README.
@Suite(.timeLimit(.minutes(15)))
struct DemoTests {
  @Test(.needsPebble, .needsNginx, .requires("curl"))
  func `the demo serves a site and leaves nothing behind`() async throws {
    try await withTemporaryFolder { folder in
      let environment = ["CERTCTL": try CertctlBinary.locate().path, "TMPDIR": folder.path]
      let result = try await Program(Checkout.path("scripts/demo"), environment: environment).run()
      try result.requireSuccess("the demonstration")
      #expect(result.standardOutput.contains("Hello from the application behind nginx."))
      #expect(result.standardOutput.contains("live/example.com/cert.pem"))
      #expect(folder.contents().isEmpty)
    }
  }
}
