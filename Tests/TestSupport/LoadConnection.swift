import CertctlBase
import CertctlCrypto
import CertctlSystem
import Glibc
import Synchronization

/// The state shared by the clients of a `LoadClient`.
final class Load: Sendable {
  private let isStopped = Atomic(false)
  private let state = Mutex(LoadClient.Counts())

  var goesOn: Bool { !isStopped.load(ordering: .relaxed) }
  var counts: LoadClient.Counts { state.withLock { $0 } }

  func stop() { isStopped.store(true, ordering: .relaxed) }

  func count(_ change: (inout LoadClient.Counts) -> Void) {
    state.withLock { change(&$0) }
  }

  /// Sleeps on the calling thread.
  func rest(_ pause: Duration) {
    usleep(UInt32(pause / .microseconds(1)))
  }
}

/// A long-lived TCP connection; `TCPConnection` has one time limit for its whole life.
final class LoadSocket {
  private let descriptor: Int32

  /// - Throws: `HarnessError` with the system's error.
  init(to endpoint: Endpoint) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw LoadSocket.error("make a socket") }
    var limit = timeval(tv_sec: 15, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(endpoint.port).bigEndian)
    guard inet_pton(AF_INET, endpoint.host, &address.sin_addr) == 1 else {
      throw HarnessError("\(endpoint) is no IPv4 address")
    }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw LoadSocket.error("connect") }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw LoadSocket.error("send") }
      rest = rest.dropFirst(count)
    }
  }

  /// Returns the next bytes; none at the end of the stream.
  func receive() throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
    guard count >= 0 else { throw LoadSocket.error("receive") }
    return Array(buffer.prefix(count))
  }

  /// Returns bytes already received; nil if there are none, empty at the end of the stream.
  func receiveNow() throws -> [UInt8]? {
    var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&wait, 1, 0) > 0 ? try receive() : nil
  }

  private static func error(_ what: String) -> HarnessError {
    HarnessError("cannot \(what): \(String(cString: strerror(errno)))")
  }
}

/// A minimal HTTP/1.1 client over TLS.
struct LoadConnection {
  private let socket: LoadSocket
  private let engine: TLSEngine

  /// Whether a byte of the last request's response has arrived.
  private(set) var hasAnswerBegun = false

  /// The server's leaf certificate.
  var leaf: Certificate? { engine.peerChain.first }

  /// Performs the TLS handshake and verifies the certificate.
  init(_ socket: LoadSocket, serverName: String, trust: TrustStore) throws {
    self.socket = socket
    engine = try TLSEngine(
      client: TLSEngine.ClientConfiguration(
        serverName: serverName, alpn: ["http/1.1"], trust: trust))
    while try !engine.handshake() {
      try socket.send(engine.takeOutput())
      let bytes = try socket.receive()
      guard !bytes.isEmpty else { throw HarnessError("closed in the handshake") }
      try engine.receive(bytes)
    }
    try socket.send(engine.takeOutput())
  }

  /// Returns whether the server has closed the idle connection.
  func wasClosed() throws -> Bool {
    while let bytes = try socket.receiveNow() {
      if bytes.isEmpty { return true }
      // A session ticket or a close_notify alert.
      try engine.receive(bytes)
      if try engine.readPlaintext() == nil { return true }
    }
    return false
  }

  /// Sends a request and reads its response.
  ///
  /// - Returns: Whether the server keeps the connection open.
  /// - Throws: `HarnessError` unless the response is complete with status 200; TLS errors.
  mutating func ask(_ host: String, keeps: Bool) throws -> Bool {
    hasAnswerBegun = false
    let close = keeps ? "" : "Connection: close\r\n"
    try engine.send(Array("GET / HTTP/1.1\r\nHost: \(host)\r\n\(close)\r\n".utf8))
    try socket.send(engine.takeOutput())
    var answer: [UInt8] = []
    while !LoadConnection.isWhole(answer) {
      let bytes = try socket.receive()
      guard !bytes.isEmpty else { throw HarnessError("closed after \(answer.count) bytes") }
      try engine.receive(bytes)
      guard let plain = try engine.readPlaintext() else {
        throw HarnessError("closed by TLS after \(answer.count) bytes")
      }
      answer += plain
      hasAnswerBegun = !answer.isEmpty
    }
    let text = String(decoding: answer, as: UTF8.self)
    guard text.hasPrefix("HTTP/1.1 200 ") else {
      throw HarnessError("answered \(text.prefix(40))")
    }
    return !text.lowercased().contains("\r\nconnection: close")
  }

  /// Returns whether the header and a body of its Content-Length are complete.
  private static func isWhole(_ answer: [UInt8]) -> Bool {
    let text = String(decoding: answer, as: UTF8.self)
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return false }
    let lines = parts[0].lowercased().split(separator: "\r\n")
    let length = lines.first { $0.hasPrefix("content-length: ") }?.split(separator: " ").last
    return parts[1].utf8.count >= length.flatMap { Int($0) } ?? 0
  }
}
