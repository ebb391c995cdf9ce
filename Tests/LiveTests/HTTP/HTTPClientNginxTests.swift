import CertctlBase
import CertctlHTTP
import CertctlSystem
import TestSupport
import Testing

@Suite(.needsNginx, .requires("openssl"), .timeLimit(.minutes(5)))
struct HTTPClientNginxTests {
  private func client(
    _ nginx: LocalNginx, maximumResponseBytes: Int = 1 << 20, maximumHeaderBytes: Int = 1 << 16
  ) -> CurlHTTPClient {
    CurlHTTPClient(
      .init(
        userAgent: "test/1", caBundle: nginx.bundle, maximumResponseBytes: maximumResponseBytes,
        maximumHeaderBytes: maximumHeaderBytes))
  }

  @Test func `concurrent requests share one connection`() async throws {
    try await LocalNginx.run { nginx in
      let client = client(nginx)
      for (base, word) in [
        (nginx.plain, "HTTP/1.1"), (nginx.secure, "HTTP/1.1"), (nginx.multiplexed, "HTTP/2.0"),
      ] {
        let before = nginx.log().count
        try await withThrowingTaskGroup(of: HTTPResponse.self) { group in
          for _ in 0..<30 {
            group.addTask { try await client.send(HTTPRequest(.get, base + "/hello")) }
          }
          for try await answer in group {
            #expect(answer.status == 200)
            #expect(answer.body == Array("hello".utf8))
            #expect(answer.header("CONTENT-LENGTH") == "5")
          }
        }
        try await poll("the log") { nginx.log().count == before + 30 }
        let lines = nginx.log()[before...]
        #expect(Set(lines.map { $0[0] }).count == 1)
        #expect(Set(lines.map { $0[1] }) == [Substring(word)])
      }
    }
  }

  @Test func `redirects are followed for GET on request, and never from https to http`()
    async throws
  {
    try await LocalNginx.run { nginx in
      let client = client(nginx)
      func get(_ url: String, follow: Bool = true) async throws -> HTTPResponse {
        try await client.send(HTTPRequest(.get, url, followsRedirects: follow))
      }
      let followed = try await get(nginx.multiplexed + "/redirect")
      #expect(followed.status == 200)
      #expect(followed.url == nginx.multiplexed + "/hello")
      #expect(try await get(nginx.plain + "/up").url == nginx.multiplexed + "/hello")
      #expect(try await get(nginx.plain + "/redirect", follow: false).status == 302)
      let post = HTTPRequest(.post, nginx.plain + "/keep", body: [1], followsRedirects: true)
      #expect(try await client.send(post).status == 307)
      for url in [nginx.secure + "/down", nginx.plain + "/loop"] {
        let error = try await #require(throws: HostError.self) { try await get(url) }
        #expect(error.code == .redirectRefused)
      }
      #expect(nginx.log().filter { $0[4] == "/loop" }.count == 11)
      let error = try await #require(throws: HostError.self) {
        try await get(nginx.plain + "/file")
      }
      #expect(error.code == .unsupportedURL)
    }
  }

  @Test func `a response beyond the limits is refused`() async throws {
    try await LocalNginx.run { nginx in
      for (client, path) in [
        (client(nginx, maximumResponseBytes: 99_999), "/big"),
        (client(nginx, maximumHeaderBytes: 50), "/hello"),
      ] {
        for base in [nginx.plain, nginx.multiplexed] {
          let error = try await #require(throws: HostError.self) {
            try await client.send(HTTPRequest(.get, base + path))
          }
          #expect(error.code == .responseTooLarge)
          #expect(!error.isRetryable)
        }
      }
      let fits = client(nginx, maximumResponseBytes: 100_000)
      #expect(try await fits.send(HTTPRequest(.get, nginx.plain + "/big")).body.count == 100_000)
    }
  }

  @Test func `HEAD returns the headers without a body`() async throws {
    try await LocalNginx.run { nginx in
      // The announced length of the body does not count against the limit.
      for base in [nginx.plain, nginx.multiplexed] {
        let answer = try await client(nginx, maximumResponseBytes: 10)
          .send(HTTPRequest(.head, base + "/big"))
        #expect(answer.header("content-length") == "100000")
        #expect(answer.body.isEmpty)
      }
    }
  }

  @Test func `a server is trusted only through the bundle and under its own name`() async throws {
    try await LocalNginx.run { nginx in
      let stranger = CurlHTTPClient(.init(userAgent: "test/1"))
      let url = nginx.multiplexed + "/hello"
      let untrusted = try await #require(throws: HostError.self) {
        try await stranger.send(HTTPRequest(.get, url))
      }
      #expect(untrusted.code == .tlsFailed)
      expectText(untrusted.hint, mentions: "--ca-bundle")
      expectText(untrusted.detail, mentions: "certificate")
      #expect(!untrusted.isRetryable)
      let misnamed = try await #require(throws: HostError.self) {
        try await client(nginx).send(HTTPRequest(.get, nginx.misnamed + "/hello"))
      }
      #expect(misnamed.code == .tlsFailed)
      #expect(nginx.log().isEmpty)
    }
  }
}
