internal import CertctlBase
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The exchange of a DNS message for its response, over UDP or TCP.
///
/// Each exchange has its own socket, connected to the server: the system accepts responses only
/// from that address and chooses an unpredictable port (RFC 5452).
enum DNSTransport {

  /// Sends a message over UDP and waits for the response.
  ///
  /// - Parameters:
  ///   - message: The message.
  ///   - server: The server.
  ///   - limit: The time limit.
  ///   - accept: Parses received bytes; returns nil for the response to another message.
  /// - Returns: The result of `accept`.
  /// - Throws: `HostError` with `.timedOut` or `.connectFailed`, or the errors of `accept`.
  static func udp<Answer: Sendable>(
    _ message: [UInt8], to server: Endpoint, within limit: Duration,
    accept: @escaping @Sendable ([UInt8]) throws -> Answer?
  ) async throws -> Answer {
    let address = try address(of: server)
    let group = MultiThreadedEventLoopGroup.singleton
    return try await exchange(server, limit, accept) { exchange in
      try await DatagramBootstrap(group: group)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(DatagramReader(exchange))
          }
        }.connect(to: address).get()
    } send: { channel in
      try await channel.writeAndFlush(
        AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: message)))
    }
  }

  /// Sends a message, preceded by its length, over TCP (RFC 7766) and waits for the response.
  ///
  /// - Parameters:
  ///   - message: The message.
  ///   - server: The server.
  ///   - limit: The time limit, including the connection.
  ///   - accept: Parses received bytes; returns nil for the response to another message.
  /// - Returns: The result of `accept`.
  /// - Throws: `HostError` with `.timedOut`, `.connectFailed` or `.transferFailed`, or the errors
  ///   of `accept`.
  static func tcp<Answer: Sendable>(
    _ message: [UInt8], to server: Endpoint, within limit: Duration,
    accept: @escaping @Sendable ([UInt8]) throws -> Answer?
  ) async throws -> Answer {
    let address = try address(of: server)
    let group = MultiThreadedEventLoopGroup.singleton
    let timeout = TimeAmount.nanoseconds(Int64(limit / .nanoseconds(1)))
    return try await exchange(server, limit, accept) { exchange in
      try await ClientBootstrap(group: group).connectTimeout(timeout)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(StreamReader(exchange))
          }
        }.connect(to: address).get()
    } send: { channel in
      var buffer = ByteBuffer()
      buffer.writeInteger(UInt16(message.count))
      buffer.writeBytes(message)
      try await channel.writeAndFlush(buffer)
    }
  }

  private static func address(of server: Endpoint) throws -> SocketAddress {
    do {
      return try SocketAddress(ipAddress: server.host, port: server.port)
    } catch {
      throw HostError(
        .invalidRequest, operation: "query", subject: "\(server)", detail: "not an IP address")
    }
  }

  /// Opens a channel, sends the message, waits for the first accepted response, closes the channel.
  private static func exchange<Answer: Sendable>(
    _ server: Endpoint, _ limit: Duration,
    _ accept: @escaping @Sendable ([UInt8]) throws -> Answer?,
    open: (Exchange) async throws -> any Channel, send: (any Channel) async throws -> Void
  ) async throws -> Answer {
    let box = AnswerBox<Answer>()
    let exchange = Exchange(
      take: { bytes in
        do {
          guard let answer = try accept(bytes) else { return false }
          box.settle(.success(answer))
        } catch {
          box.settle(.failure(error))
        }
        return true
      }, fail: { box.settle(.failure($0)) })
    let timer = Task {
      try? await Task.sleep(for: limit)
      box.settle(
        .failure(
          HostError(.timedOut, operation: "query", subject: "\(server)", detail: "no answer")))
    }
    defer { timer.cancel() }
    let channel: any Channel
    do {
      channel = try await open(exchange)
    } catch {
      throw failure(error, server)
    }
    defer { channel.close(promise: nil) }
    do {
      try await send(channel)
      return try await withTaskCancellationHandler {
        try await box.value
      } onCancel: {
        box.settle(.failure(CancellationError()))
      }
    } catch {
      throw failure(error, server)
    }
  }

  private static func failure(_ error: any Error, _ server: Endpoint) -> any Error {
    switch error {
    case let error as HostError: error
    case let error as CancellationError: error
    case let error as IOError:
      HostError(
        .connectFailed, operation: "query", subject: "\(server)", errnoCode: error.errnoCode,
        detail: HostError.text(ofErrno: error.errnoCode))
    case ChannelError.connectTimeout:
      HostError(.timedOut, operation: "query", subject: "\(server)", detail: "no answer")
    default:
      HostError(
        .connectFailed, operation: "query", subject: "\(server)", detail: "\(error)")
    }
  }
}

/// The callbacks of an exchange that waits for a response.
private struct Exchange: Sendable {
  /// Handles a received message; returns true if it is the response.
  let take: @Sendable ([UInt8]) -> Bool
  /// Fails the exchange with an error of the channel.
  let fail: @Sendable (any Error) -> Void
}

/// A one-time result: the first one wins.
private final class AnswerBox<Answer: Sendable>: Sendable {
  private struct State: Sendable {
    var result: Result<Answer, any Error>?
    var waiting: CheckedContinuation<Answer, any Error>?
  }

  private let state = Mutex(State())

  func settle(_ result: Result<Answer, any Error>) {
    let waiting = state.withLock { state -> CheckedContinuation<Answer, any Error>? in
      guard state.result == nil else { return nil }
      state.result = result
      return state.waiting.take()
    }
    waiting?.resume(with: result)
  }

  var value: Answer {
    get async throws {
      try await withCheckedThrowingContinuation { continuation in
        let result = state.withLock { state -> Result<Answer, any Error>? in
          if state.result == nil { state.waiting = continuation }
          return state.result
        }
        if let result { continuation.resume(with: result) }
      }
    }
  }
}

private final class DatagramReader: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>

  private let exchange: Exchange

  init(_ exchange: Exchange) { self.exchange = exchange }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    _ = exchange.take(Array(unwrapInboundIn(data).data.readableBytesView))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Typically an ICMP "port unreachable" from the other side.
    exchange.fail(error)
  }
}

private final class StreamReader: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let exchange: Exchange
  private var received = ByteBuffer()

  init(_ exchange: Exchange) { self.exchange = exchange }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var piece = unwrapInboundIn(data)
    received.writeBuffer(&piece)
    // The length field has two bytes, so the buffer never exceeds 64 KiB plus the last read.
    while let length = received.getInteger(at: received.readerIndex, as: UInt16.self),
      let message = received.getBytes(at: received.readerIndex + 2, length: Int(length))
    {
      received.moveReaderIndex(forwardBy: 2 + Int(length))
      if exchange.take(message) { return }
    }
    // Otherwise a server that sends unrelated messages forever would exhaust memory.
    received.discardReadBytes()
  }

  func channelInactive(context: ChannelHandlerContext) {
    exchange.fail(
      HostError(
        .transferFailed, operation: "query over TCP", detail: "the server closed the connection"))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { exchange.fail(error) }
}
