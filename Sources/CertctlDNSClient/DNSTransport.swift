internal import CertctlBase
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// One DNS message out, one in, over UDP or TCP.
///
/// Each exchange has a socket of its own, connected to the server: the system takes answers from that
/// address only, and picks a port that nobody can guess (RFC 5452).
enum DNSTransport {

  /// Asks by UDP.
  ///
  /// - Parameters:
  ///   - message: The message.
  ///   - server: The server.
  ///   - limit: How long to wait.
  ///   - accept: Makes an answer of what came; nil waits on, since it answers something else.
  /// - Returns: What `accept` made.
  /// - Throws: `HostError` with `.timedOut` or `.connectFailed`, or what `accept` throws.
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

  /// Asks by TCP, where each message follows its length (RFC 7766).
  ///
  /// - Parameters:
  ///   - message: The message.
  ///   - server: The server.
  ///   - limit: How long to wait, the connection included.
  ///   - accept: Makes an answer of what came.
  /// - Returns: What `accept` made.
  /// - Throws: `HostError` with `.timedOut`, `.connectFailed` or `.transferFailed`, or what `accept`
  ///   throws.
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
        .invalidRequest, operation: "ask", subject: "\(server)", detail: "this is no address")
    }
  }

  /// Opens, sends, waits for the first answer that is one, and closes.
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
          HostError(.timedOut, operation: "ask", subject: "\(server)", detail: "no answer")))
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
        .connectFailed, operation: "ask", subject: "\(server)", errnoCode: error.errnoCode,
        detail: HostError.text(ofErrno: error.errnoCode))
    case ChannelError.connectTimeout:
      HostError(.timedOut, operation: "ask", subject: "\(server)", detail: "no answer")
    default:
      HostError(
        .connectFailed, operation: "ask", subject: "\(server)", detail: "\(error)")
    }
  }
}

/// Whoever waits for what a channel reads.
private struct Exchange: Sendable {
  /// Takes a message; true when it was the answer.
  let take: @Sendable ([UInt8]) -> Bool
  /// Takes the end of hope.
  let fail: @Sendable (any Error) -> Void
}

/// A result that comes once, whoever is first.
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
    // Nobody listens there: the system heard it from the other side.
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
    // A length has two bytes: what is kept never grows over 64 KiB and the last piece.
    while let length = received.getInteger(at: received.readerIndex, as: UInt16.self),
      let message = received.getBytes(at: received.readerIndex + 2, length: Int(length))
    {
      received.moveReaderIndex(forwardBy: 2 + Int(length))
      if exchange.take(message) { return }
    }
    // Or a server that sends wrong ones without end would fill the memory.
    received.discardReadBytes()
  }

  func channelInactive(context: ChannelHandlerContext) {
    exchange.fail(
      HostError(
        .transferFailed, operation: "ask by TCP", detail: "the server closed the connection"))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { exchange.fail(error) }
}
