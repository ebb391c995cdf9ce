package import CertctlBase
internal import NIOCore
internal import NIOHTTP1

/// A client's request.
package struct ServerRequest: Sendable, Hashable {
  /// "GET" or "HEAD".
  package let method: String
  /// The path without query, not decoded.
  package let path: String
  /// The host of the Host header, in lower case and without port.
  package let host: String?
}

/// The response to a request.
package struct ServerResponse: Sendable, Hashable {
  /// The status, such as 200.
  package var status: Int
  /// The media type of the body.
  package var contentType: String
  /// The body.
  package var body: [UInt8]

  /// Creates a response.
  package init(status: Int, contentType: String = "text/plain", body: [UInt8] = []) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// The response for unknown paths.
  package static let notFound = ServerResponse(status: 404, body: Array("not found\n".utf8))
}

/// A small HTTP/1.1 server for the public internet: GET and HEAD, one request per connection.
package final class HTTPServer: Sendable {
  /// Returns the response to a request; called on the server's thread, so it must not block.
  package typealias Handler = @Sendable (ServerRequest) -> ServerResponse

  private let listener: Listener

  private init(_ listener: Listener) { self.listener = listener }

  /// Starts listening on all endpoints.
  ///
  /// An address family that the host lacks is skipped if another endpoint remains.
  ///
  /// - Throws: `HostError`; `.addressInUse` and `.permissionDenied` with a hint.
  package static func start(
    endpoints: [Endpoint], limits: ServerLimits = ServerLimits(), handler: @escaping Handler
  ) async throws -> HTTPServer {
    let listener = try await Listener.start(endpoints, limits) { pipeline in
      try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
      try pipeline.addHandler(HTTPResponder(handler))
    }
    return HTTPServer(listener)
  }

  /// The listening endpoints, with the ports that the system chose.
  package var endpoints: [Endpoint] { listener.endpoints }

  /// Closes everything; must be called once.
  package func stop() async { await listener.stop() }
}

/// Answers the single request of a connection.
private final class HTTPResponder: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let handler: HTTPServer.Handler
  private var isAnswered = false

  init(_ handler: @escaping HTTPServer.Handler) { self.handler = handler }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(let head) = unwrapInboundIn(data), !isAnswered else { return }
    isAnswered = true
    guard head.method == .GET || head.method == .HEAD else {
      return answer(context, head, ServerResponse(status: 405), allow: "GET, HEAD")
    }
    let request = ServerRequest(
      method: head.method.rawValue, path: Self.path(head.uri),
      host: head.headers.first(name: "Host").map(Self.host))
    answer(context, head, handler(request))
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed, !isAnswered {
      return context.close(promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func answer(
    _ context: ChannelHandlerContext, _ request: HTTPRequestHead, _ response: ServerResponse,
    allow: String? = nil
  ) {
    var head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: response.status))
    head.headers.add(name: "Content-Type", value: response.contentType)
    head.headers.add(name: "Content-Length", value: "\(response.body.count)")
    head.headers.add(name: "X-Content-Type-Options", value: "nosniff")
    head.headers.add(name: "Connection", value: "close")
    if let allow { head.headers.add(name: "Allow", value: allow) }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request.method != .HEAD {
      context.write(
        wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
      context.close(mode: .output, promise: nil)
    }
  }

  /// Returns the path of a request target, which may be a full URL (RFC 9112 section 3.2.2).
  private static func path(_ target: String) -> String {
    var rest = Substring(target)
    if !rest.hasPrefix("/") {
      // Compare bytes, because a combining mark after "://" would hide it from a character search.
      let bytes = Array(rest.utf8)
      guard let scheme = bytes.firstIndex(of: UInt8(ascii: ":")), bytes.count > scheme + 3,
        bytes[(scheme + 1)...(scheme + 2)].elementsEqual("//".utf8)
      else { return target }
      let authority = bytes[(scheme + 3)...]
      let slash = authority.firstIndex(of: UInt8(ascii: "/")) ?? authority.endIndex
      rest = Substring(String(decoding: authority[slash...], as: UTF8.self))
    }
    let path = rest.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    return path.isEmpty ? "/" : String(Substring(path))
  }

  /// Returns the host of a Host field, without the port.
  private static func host(_ field: String) -> String {
    let lower = field.lowercased()
    if lower.hasPrefix("[") { return String(lower.dropFirst().prefix { $0 != "]" }) }
    return String(lower.prefix { $0 != ":" })
  }
}
