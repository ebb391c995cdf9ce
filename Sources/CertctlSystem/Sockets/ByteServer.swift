package import CertctlBase
internal import NIOCore

/// A session's reply to received bytes.
package struct ByteSessionReply: Sendable, Hashable {
  /// The bytes for the client.
  package var send: [UInt8]
  /// Whether to close the connection after sending them.
  package var close: Bool

  /// Creates a reply.
  package init(send: [UInt8] = [], close: Bool = false) {
    self.send = send
    self.close = close
  }
}

/// The protocol state of one connection, such as a TLS handshake; used on the server's thread only.
package protocol ByteSession: AnyObject {
  /// Processes received bytes and returns the reply; must not block.
  func receive(_ bytes: [UInt8]) -> ByteSessionReply
}

/// A TCP server for the public internet, with the same limits as `HTTPServer`.
package final class ByteServer: Sendable {
  private let listener: Listener

  private init(_ listener: Listener) { self.listener = listener }

  /// Starts listening; `session` is called once per connection, on the server's thread.
  ///
  /// - Throws: `HostError`, like `HTTPServer.start`.
  package static func start(
    endpoints: [Endpoint], limits: ServerLimits = ServerLimits(maximumReceivedBytes: 64 << 10),
    session: @escaping @Sendable () -> any ByteSession
  ) async throws -> ByteServer {
    let listener = try await Listener.start(endpoints, limits) { pipeline in
      try pipeline.addHandler(ByteResponder(session()))
    }
    return ByteServer(listener)
  }

  /// The listening endpoints, with the ports that the system chose.
  package var endpoints: [Endpoint] { listener.endpoints }

  /// Closes everything; must be called once.
  package func stop() async { await listener.stop() }
}

/// Passes bytes between a connection and its session.
private final class ByteResponder: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let session: any ByteSession
  private var isClosing = false

  init(_ session: any ByteSession) { self.session = session }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing else { return }
    let reply = session.receive(Array(unwrapInboundIn(data).readableBytesView))
    isClosing = reply.close
    let buffer = wrapOutboundOut(ByteBuffer(bytes: reply.send))
    guard reply.close else { return context.writeAndFlush(buffer, promise: nil) }
    context.writeAndFlush(buffer).assumeIsolated().whenComplete { _ in
      context.close(mode: .output, promise: nil)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed, !isClosing {
      return context.close(promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
