package import CertctlBase
internal import Glibc

/// A TCP connection with a total time limit; all calls block.
///
/// For checking a server of this host: one short exchange, without pooling or name resolution.
package struct TCPConnection: ~Copyable {
  private let descriptor: Descriptor
  private let peer: String
  private let deadline: ContinuousClock.Instant

  /// Connects to a numeric address.
  ///
  /// - Throws: `HostError` with `.connectFailed` or `.timedOut`.
  package init(to endpoint: Endpoint, within limit: Duration) throws(HostError) {
    peer = "\(endpoint)"
    deadline = .now + limit
    var hints = unsafe addrinfo()
    unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(endpoint.host, "\(endpoint.port)", &hints, &list) == 0,
      let address = unsafe list
    else {
      throw HostError(
        .connectFailed, operation: "connect to", subject: peer, detail: "not an IP address")
    }
    defer { unsafe freeaddrinfo(list) }
    let kind =
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
      | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = Descriptor(
      try Descriptor.call("connect to", peer) {
        unsafe socket(address.pointee.ai_family, kind, 0)
      })
    let raw = descriptor.raw
    let result = unsafe connect(raw, address.pointee.ai_addr, address.pointee.ai_addrlen)
    if result != 0 {
      guard errno == EINPROGRESS else {
        throw HostError(errno: errno, operation: "connect to", subject: peer)
      }
      try Self.wait(for: raw, Int16(POLLOUT), until: deadline, peer)
      var number: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      unsafe getsockopt(raw, SOL_SOCKET, SO_ERROR, &number, &size)
      guard number == 0 else {
        throw HostError(errno: number, operation: "connect to", subject: peer)
      }
    }
    self.descriptor = descriptor
  }

  /// Connects, runs `body` and closes, on a blocking thread.
  ///
  /// - Parameters:
  ///   - endpoint: The numeric address.
  ///   - limit: The time limit for everything.
  ///   - body: The exchange with the server.
  /// - Returns: The result of `body`.
  /// - Throws: The error of connecting or of `body`.
  package static func converse<Value: Sendable>(
    with endpoint: Endpoint, within limit: Duration,
    _ body: @escaping @Sendable (borrowing TCPConnection) throws -> Value
  ) async throws -> Value {
    try await Blocking.run { try body(TCPConnection(to: endpoint, within: limit)) }
  }

  /// Sends all bytes.
  package func send(_ bytes: [UInt8]) throws(HostError) {
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.send(
          descriptor.raw, buffer.baseAddress?.advanced(by: sent), buffer.count - sent,
          Int32(MSG_NOSIGNAL))
      }
      let number = errno
      if count > 0 {
        sent += count
      } else if number == EAGAIN || number == EINTR {
        try Self.wait(for: descriptor.raw, Int16(POLLOUT), until: deadline, peer)
      } else {
        throw HostError(errno: number, operation: "send to", subject: peer)
      }
    }
  }

  /// Receives the next bytes; empty at the end of the stream.
  package func receive() throws(HostError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      try Self.wait(for: descriptor.raw, Int16(POLLIN), until: deadline, peer)
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe recv(descriptor.raw, bytes.baseAddress, bytes.count, 0)
      }
      let number = errno
      if count >= 0 { return Array(buffer[..<count]) }
      guard number == EAGAIN || number == EINTR else {
        throw HostError(errno: number, operation: "receive from", subject: peer)
      }
    }
  }

  private static func wait(
    for raw: Int32, _ events: Int16, until deadline: ContinuousClock.Instant, _ peer: String
  ) throws(HostError) {
    while true {
      let left = deadline - .now
      let milliseconds =
        left.components.seconds * 1000
        + left.components.attoseconds / 1_000_000_000_000_000
      guard milliseconds > 0 else {
        throw HostError(
          .timedOut, operation: "communicate with", subject: peer, detail: "timed out")
      }
      var descriptor = pollfd(fd: raw, events: events, revents: 0)
      let result = unsafe poll(&descriptor, 1, Int32(clamping: milliseconds))
      if result > 0 { return }
      let number = errno
      if result < 0, number != EINTR {
        throw HostError(errno: number, operation: "communicate with", subject: peer)
      }
    }
  }
}
