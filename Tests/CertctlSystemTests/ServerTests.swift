import CertctlBase
import CertctlSystem
import Glibc
import TestSupport
import Testing

/// Responds with the method, path and host of the request.
private func echo(_ request: ServerRequest) -> ServerResponse {
  ServerResponse(
    status: 200, body: Array("\(request.method) \(request.path) \(request.host ?? "-")".utf8))
}

@Suite struct ServerTests {
  @Test(arguments: [
    ("GET /a/b?c HTTP/1.1\r\nHost: Example.COM:80\r\n\r\n", "GET /a/b example.com"),
    ("GET /%2e%2e/x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /%2e%2e/x ::1"),
    ("GET http://h.example/p?q HTTP/1.1\r\nHost: h\r\n\r\n", "GET /p h"),
    ("GET / HTTP/1.0\r\n\r\n", "GET / -"),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", ""),
  ])
  func `a connection is closed after one response`(_ text: String, _ body: String) async throws {
    let server = try await HTTPServer.start(endpoints: [loopback], handler: echo)
    let port = try #require(server.endpoints.first?.port)
    let answer = try await RawSocket.ask(port, text)
    #expect(answer.hasPrefix(body.isEmpty ? "HTTP/1.1 405 " : "HTTP/1.1 200 "))
    #expect(answer.hasSuffix("\r\n\r\n\(body)"))
    #expect(answer.contains("Connection: close\r\n"))
    await server.stop()
  }

  @Test func `HEAD returns only the headers`() async throws {
    let server = try await HTTPServer.start(endpoints: [loopback], handler: echo)
    let port = try #require(server.endpoints.first?.port)
    let answer = try await RawSocket.ask(port, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(answer.contains("Content-Length: 8\r\n"))
    #expect(answer.hasSuffix("\r\n\r\n"))
    await server.stop()
  }

  @Test func `a client that closes its sending half gets a response`() async throws {
    let server = try await HTTPServer.start(endpoints: [loopback], handler: echo)
    let port = try #require(server.endpoints.first?.port)
    let answer = try await Blocking.run {
      let socket = try RawSocket(port: port)
      socket.send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
      socket.finish()
      return socket.readAll()
    }
    #expect(answer.hasSuffix("GET /x h"))
    await server.stop()
  }

  @Test func `a connection with a too large header is closed`() async throws {
    let server = try await HTTPServer.start(endpoints: [loopback], handler: echo)
    let port = try #require(server.endpoints.first?.port)
    let padding = String(repeating: "x", count: 9000)
    let answer = try await RawSocket.ask(port, "GET / HTTP/1.1\r\nX: \(padding)\r\n\r\n")
    #expect(!answer.contains("200"))
    await server.stop()
  }

  @Test func `a slow connection is closed`() async throws {
    let limits = ServerLimits(idleTimeout: .seconds(90), totalTimeout: .milliseconds(200))
    let server = try await HTTPServer.start(endpoints: [loopback], limits: limits, handler: echo)
    let port = try #require(server.endpoints.first?.port)
    let start = ContinuousClock.now
    try await Blocking.run {
      let socket = try RawSocket(port: port)
      socket.send("GET / HTTP/1.1\r\nA")
      while socket.send([UInt8(ascii: "a")]), ContinuousClock.now - start < .seconds(60) {
        usleep(20_000)
      }
    }
    #expect(ContinuousClock.now - start < .seconds(60))
    await server.stop()
  }

  @Test func `an idle connection is closed`() async throws {
    let limits = ServerLimits(idleTimeout: .milliseconds(100), totalTimeout: .seconds(60))
    let server = try await HTTPServer.start(endpoints: [loopback], limits: limits, handler: echo)
    let port = try #require(server.endpoints.first?.port)
    #expect(try await RawSocket.ask(port, "GET") == "")
    await server.stop()
  }

  @Test func `many idle connections do not block a request`() async throws {
    let limits = ServerLimits(
      maximumConnections: 8, idleTimeout: .seconds(60), totalTimeout: .seconds(60))
    let server = try await HTTPServer.start(endpoints: [loopback], limits: limits, handler: echo)
    let port = try #require(server.endpoints.first?.port)
    let silent = try (0..<30).map { _ in try RawSocket(port: port) }
    let answer = try await RawSocket.ask(port, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(answer.hasSuffix("GET /x h"))
    // The server has closed the oldest connections.
    #expect(try await Blocking.run { silent[0].readAll() } == "")
    await server.stop()
  }

  @Test func `random input does not crash the server`() async throws {
    let limits = ServerLimits(idleTimeout: .milliseconds(200), totalTimeout: .milliseconds(400))
    let server = try await HTTPServer.start(endpoints: [loopback], limits: limits, handler: echo)
    let port = try #require(server.endpoints.first?.port)
    var random = Noise(state: 42)
    let seeds = [
      "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET \u{0} HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}",
      "GET http:\u{338}//x HTTP/1.1\r\n\r\n", "GET http:// HTTP/1.1\r\nHost:\r\n\r\n",
      "GET : HTTP/1.1\r\nHost: [\r\n\r\n", "GET * HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz",
    ]
    let inputs = (0..<300).map { number -> [UInt8] in
      var bytes = Array(seeds[number % seeds.count].utf8)
      for _ in 0..<(number % 12) {
        bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      return bytes + (0..<(number % 5 * 40)).map { _ in .random(in: 0...255, using: &random) }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for input in inputs {
        group.addTask {
          try await Blocking.run {
            let socket = try RawSocket(port: port)
            socket.send(input)
            if input.count.isMultiple(of: 2) { socket.finish() }
            if input.count.isMultiple(of: 3) { _ = socket.readAll() }
          }
        }
      }
      try await group.waitForAll()
    }
    let answer = try await RawSocket.ask(port, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(answer.hasSuffix("GET /x h"))
    await server.stop()
  }

  @Test func `stopping is quick despite open connections`() async throws {
    let limits = ServerLimits(idleTimeout: .seconds(90), totalTimeout: .seconds(90))
    let server = try await HTTPServer.start(endpoints: [loopback], limits: limits) { _ in
      ServerResponse(status: 200, body: Array("the one that stops".utf8))
    }
    let port = try #require(server.endpoints.first?.port)
    let silent = try RawSocket(port: port)
    let start = ContinuousClock.now
    await server.stop()
    #expect(ContinuousClock.now - start < .seconds(60))
    // Nothing listens any more, or another test has been assigned the port.
    let answer = try? await RawSocket.ask(port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(answer?.contains("the one that stops") != true)
    withExtendedLifetime(silent) {}
  }

  @Test func `the error for a port in use reports its holder`() async throws {
    let server = try await HTTPServer.start(endpoints: [loopback], handler: echo)
    let endpoint = try #require(server.endpoints.first)
    let error = try await #require(throws: HostError.self) {
      try await HTTPServer.start(endpoints: [endpoint], handler: echo)
    }
    #expect(error.code == .addressInUse)
    expectText(error.detail, startsWith: "process \(getpid()) (")
    expectText(error.hint, mentions: "--webroot")
    await server.stop()
  }

  @Test func `IPv4 and IPv6 share a port`() async throws {
    let first = try await HTTPServer.start(
      endpoints: [Endpoint(host: "0.0.0.0", port: 0)], handler: echo)
    let port = try #require(first.endpoints.first?.port)
    let second = try await HTTPServer.start(
      endpoints: [Endpoint(host: "127.0.0.1", port: 0), Endpoint(host: "::", port: port)],
      handler: echo)
    #expect(!second.endpoints.isEmpty)
    await first.stop()
    await second.stop()
  }

  @Test func `an address that the host lacks is skipped unless it is the only one`() async throws {
    let foreign = Endpoint(host: "192.0.2.1", port: 0)
    let server = try await HTTPServer.start(endpoints: [foreign, loopback], handler: echo)
    #expect(server.endpoints.map(\.host) == ["127.0.0.1"])
    await server.stop()
    await #expect(throws: HostError.self) {
      try await HTTPServer.start(endpoints: [foreign], handler: echo)
    }
  }

  @Test func `a byte session receives bytes and can close the connection`() async throws {
    let server = try await ByteServer.start(endpoints: [loopback]) { Doubler() }
    let port = try #require(server.endpoints.first?.port)
    #expect(try await RawSocket.ask(port, "abc.") == "abc.abc.")
    await server.stop()
  }
}

/// A session that sends all input back twice and closes after a full stop.
private final class Doubler: ByteSession {
  func receive(_ bytes: [UInt8]) -> ByteSessionReply {
    ByteSessionReply(send: bytes + bytes, close: bytes.last == UInt8(ascii: "."))
  }
}

/// A reproducible random number generator.
struct Noise: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 29)
  }
}
