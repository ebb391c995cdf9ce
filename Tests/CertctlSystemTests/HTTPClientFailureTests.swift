import CertctlBase
import CertctlHTTP
import CertctlSystem
import Glibc
import Synchronization
import Testing

/// The reply of a fake server and a log of what it received.
private final class Script: Sendable {
  struct Seen: Sendable {
    var opened = 0
    var closed = 0
    var text = ""
  }
  let seen = Mutex(Seen())
  let reply: String?
  let delay: UInt32

  /// Creates a server that sends `reply` and closes, or for nil never responds.
  init(reply: String?, delay: UInt32 = 0) {
    self.reply = reply
    self.delay = delay
  }

  var opened: Int { seen.withLock { $0.opened } }
  var closed: Int { seen.withLock { $0.closed } }

  func serve() async throws -> (server: ByteServer, url: String) {
    let limits = ServerLimits(
      maximumReceivedBytes: 1 << 20, idleTimeout: .seconds(60), totalTimeout: .seconds(60))
    let server = try await ByteServer.start(endpoints: [loopback], limits: limits) {
      ScriptedSession(self)
    }
    return (server, "http://127.0.0.1:\(try #require(server.endpoints.first).port)/")
  }
}

private final class ScriptedSession: ByteSession {
  private let script: Script

  init(_ script: Script) {
    self.script = script
    script.seen.withLock { $0.opened += 1 }
  }

  deinit { script.seen.withLock { $0.closed += 1 } }

  func receive(_ bytes: [UInt8]) -> ByteSessionReply {
    script.seen.withLock { $0.text += String(decoding: bytes, as: UTF8.self) }
    guard let reply = script.reply else { return ByteSessionReply() }
    usleep(script.delay)
    return ByteSessionReply(send: Array(reply.utf8), close: true)
  }
}

@Suite struct HTTPClientFailureTests {
  let client = CurlHTTPClient(
    .init(userAgent: "test/1", connectTimeout: .milliseconds(1500), addressFamily: .v4))

  private func failure(_ request: HTTPRequest) async throws -> HostError {
    try await #require(throws: HostError.self) { try await client.send(request) }
  }

  @Test func `method, headers and body are sent unchanged`() async throws {
    let script = Script(reply: "HTTP/1.1 204 No\r\n\r\n")
    let (server, url) = try await script.serve()
    let request = HTTPRequest(
      .post, url + "a?b",
      headers: [HTTPField(name: "Content-Type", value: "application/jose+json")],
      body: Array("{}".utf8))
    #expect(try await client.send(request).status == 204)
    let text = script.seen.withLock { $0.text }
    #expect(text.hasPrefix("POST /a?b HTTP/1.1\r\n"))
    #expect(text.contains("\r\nUser-Agent: test/1\r\n"))
    #expect(text.contains("\r\nContent-Type: application/jose+json\r\n"))
    #expect(text.contains("\r\nContent-Length: 2\r\n"))
    #expect(text.hasSuffix("\r\n\r\n{}"))
    await server.stop()
  }

  @Test(arguments: [
    (HTTPRequest.Method.put, [UInt8]?([])), (.patch, [1]), (.delete, nil), (.post, nil),
    (.post, []),
  ])
  func `every method is supported`(_ method: HTTPRequest.Method, _ body: [UInt8]?) async throws {
    let script = Script(reply: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    let (server, url) = try await script.serve()
    #expect(try await client.send(HTTPRequest(method, url, body: body)).status == 200)
    let text = script.seen.withLock { $0.text }
    #expect(text.hasPrefix(method.rawValue + " / HTTP/1.1\r\n"))
    #expect(!text.contains("Content-Type"))
    #expect(body == nil || text.contains("Content-Length: \(body?.count ?? 0)\r\n"))
    await server.stop()
  }

  @Test func `headers are parsed after an interim response`() async throws {
    let script = Script(
      reply: "HTTP/1.1 100 Continue\r\nA: no\r\n\r\nHTTP/1.1 200 OK\r\nLink: a\r\nlink:\t b \r\n"
        + "Empty:\r\nContent-Length: 2\r\n\r\nhi")
    let (server, url) = try await script.serve()
    let answer = try await client.send(HTTPRequest(.get, url))
    #expect(answer.headers("LINK") == ["a", "b"])
    #expect(answer.header("empty") == "")
    #expect(answer.header("a") == nil)
    #expect(answer.body == Array("hi".utf8))
    await server.stop()
  }

  @Test func `a time limit ends the request and closes the connection`() async throws {
    let script = Script(reply: nil)
    let (server, url) = try await script.serve()
    let error = try await failure(HTTPRequest(.get, url, timeout: .milliseconds(200)))
    #expect(error.code == .timedOut)
    #expect(error.isRetryable)
    #expect(try await eventually { script.closed == 1 })
    await server.stop()
  }

  @Test func `cancellation closes the connection`() async throws {
    let script = Script(reply: nil)
    let (server, url) = try await script.serve()
    let task = Task { try await client.send(HTTPRequest(.get, url)) }
    #expect(try await eventually { !script.seen.withLock { $0.text.isEmpty } })
    let start = ContinuousClock.now
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(try await eventually { script.closed == 1 })
    await server.stop()
  }

  @Test func `a queued request can be cancelled and is then never sent`() async throws {
    let script = Script(reply: nil)
    let (server, url) = try await script.serve()
    let first = Task { try await client.send(HTTPRequest(.get, url + "first")) }
    #expect(try await eventually { script.seen.withLock { $0.text.contains("first") } })
    let second = Task { try await client.send(HTTPRequest(.get, url + "second")) }
    try await Task.sleep(for: .milliseconds(30))
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    #expect(try await eventually { script.closed == 1 })
    #expect(script.opened == 1)
    #expect(!script.seen.withLock { $0.text.contains("second") })
    await server.stop()
  }

  @Test func `cancellation at any moment ends every request`() async throws {
    let script = Script(reply: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    let (server, url) = try await script.serve()
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<100 {
        group.addTask {
          let task = Task { try await client.send(HTTPRequest(.get, url)) }
          for _ in 0..<number { await Task.yield() }
          task.cancel()
          _ = await task.result
        }
      }
    }
    #expect(try await client.send(HTTPRequest(.get, url)).status == 200)
    await server.stop()
  }

  @Test func `waiting for other requests does not count as connect time`() async throws {
    let script = Script(reply: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", delay: 250_000)
    let (server, url) = try await script.serve()
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<10 { group.addTask { try await client.send(HTTPRequest(.get, url)).status } }
      for try await status in group { #expect(status == 200) }
    }
    await server.stop()
  }

  @Test(arguments: [
    ("", HostError.Code.transferFailed, true), ("SSH-2.0-x\r\n", .transferFailed, false),
    ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", .transferFailed, true),
  ])
  func `an incomplete or missing response is an error`(
    _ reply: String, _ code: HostError.Code, _ isRetryable: Bool
  ) async throws {
    let (server, url) = try await Script(reply: reply).serve()
    let error = try await failure(HTTPRequest(.post, url, body: [1]))
    #expect(error.code == code)
    #expect(error.isRetryable == isRetryable)
    await server.stop()
  }

  @Test func `a refused connection and an unknown name are distinguished`() async throws {
    let refused = try await failure(HTTPRequest(.get, "http://127.0.0.1:\(try freePort())/"))
    #expect(refused.code == .connectFailed)
    #expect(refused.isRetryable)
    let label = String(repeating: "a", count: 64)
    let unknown = try await failure(HTTPRequest(.get, "http://\(label).invalid/"))
    #expect(unknown.code == .resolveFailed)
  }

  @Test func `https to a plain http server is a TLS failure`() async throws {
    let (server, url) = try await Script(reply: "HTTP/1.1 400 Bad\r\n\r\n").serve()
    let error = try await failure(HTTPRequest(.get, "https" + url.dropFirst(4)))
    #expect(error.code == .tlsFailed)
    await server.stop()
  }

  @Test(arguments: ["a\r\nX: y", "a\nb", "a\0"])
  func `a header value cannot inject another header`(_ value: String) async throws {
    let error = try await failure(
      HTTPRequest(.get, "http://127.0.0.1:1/", headers: [HTTPField(name: "A", value: value)]))
    #expect(error.code == .invalidRequest)
  }

  @Test func `closing a client fails running and later requests`() async throws {
    let script = Script(reply: nil)
    let (server, url) = try await script.serve()
    let task = Task { try await client.send(HTTPRequest(.get, url)) }
    #expect(try await eventually { script.opened == 1 })
    client.close()
    let error = try await #require(throws: HostError.self) { try await task.value }
    #expect(error.code == .closed)
    #expect(try await failure(HTTPRequest(.get, url)).code == .closed)
    #expect(try await eventually { script.closed == 1 })
    await server.stop()
  }

  @Test(arguments: ["missing.pem", "hello", "."])
  func `an invalid CA bundle is reported before any request`(_ name: String) async throws {
    let scratch = try Scratch()
    try scratch.folder.write("hello", Array("hello".utf8), FileAttributes(mode: 0o644))
    let path = scratch.path + "/" + name
    let client = CurlHTTPClient(.init(userAgent: "test/1", caBundle: path))
    let error = try await #require(throws: HostError.self) {
      try await client.send(HTTPRequest(.get, "https://127.0.0.1:1/"))
    }
    #expect(error.code == .badCABundle)
    #expect(error.subject == path)
  }
}
