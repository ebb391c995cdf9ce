internal import NIOCore

/// The first handler of a connection, which enforces its limits and closes it cleanly.
///
/// After the response it closes the sending side, and reads and drops further input for a moment.
/// Closing at once would make the kernel send a reset, which can destroy the response in transit.
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
