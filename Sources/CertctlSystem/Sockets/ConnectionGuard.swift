internal import NIOCore

/// Stands first on a connection: counts what comes in, watches the time, and ends it cleanly.
///
/// An answer is followed by closing our half, then what still comes is read and dropped for a
/// moment: closing at once would make the kernel send a reset, which can destroy the answer on its
/// way.
final class ConnectionGuard: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer

  private static let linger = TimeAmount.seconds(1)

  private let limits: ServerLimits
  private var received = 0
  private var isFinishing = false
  private var isInputClosed = false
  private var deadline: Scheduled<Void>?

  init(_ limits: ServerLimits) { self.limits = limits }

  func handlerAdded(context: ChannelHandlerContext) {
    limit(context, to: TimeAmount(limits.totalTimeout))
  }

  func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    received += unwrapInboundIn(data).readableBytes
    guard received <= limits.maximumReceivedBytes else { return context.close(promise: nil) }
    if !isFinishing { context.fireChannelRead(data) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
    if let event = event as? ChannelEvent, event == .inputClosed {
      isInputClosed = true
      if isFinishing { return context.close(promise: nil) }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .output, !isInputClosed else { return context.close(promise: promise) }
    isFinishing = true
    limit(context, to: Self.linger)
    context.close(mode: .output, promise: promise)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func limit(_ context: ChannelHandlerContext, to time: TimeAmount) {
    deadline?.cancel()
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
  }
}
