internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A DNS server on 127.0.0.1 that misbehaves as the first label of the name says.
///
/// A valid response has one TXT record "right".
package final class HostileDNSServer: Sendable {
  /// The UDP port, and the TCP port unless TCP is disabled.
  package let port: Int
  private let asked = Mutex<[String]>([])

  private init(port: Int) { self.port = port }

  /// The queries in order: "udp" or "tcp" and the first label.
  package var log: [String] { asked.withLock { $0 } }

  fileprivate func note(_ word: String) { asked.withLock { $0.append(word) } }

  /// Runs a server around `body`.
  ///
  /// - Parameters:
  ///   - listensByTCP: Whether the server accepts TCP connections.
  ///   - body: The code to run meanwhile.
  /// - Returns: The result of `body`.
  /// - Throws: Errors of binding and of `body`.
  package static func run<Result: Sendable>(
    listensByTCP: Bool = true, _ body: (HostileDNSServer) async throws -> Result
  ) async throws -> Result {
    let server = HostileDNSServer(port: try FreePort.pick())
    let group = MultiThreadedEventLoopGroup.singleton
    let host = "127.0.0.1"
    let stranger = try await DatagramBootstrap(group: group).bind(host: host, port: 0).get()
    var channels: [any Channel] = [stranger]
    channels.append(
      try await DatagramBootstrap(group: group).channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(HostileDatagrams(server, stranger))
        }
      }.bind(host: host, port: server.port).get())
    if listensByTCP {
      channels.append(
        try await ServerBootstrap(group: group).childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(HostileStream(server))
          }
        }.bind(host: host, port: server.port).get())
    }
    do {
      let result = try await body(server)
      for channel in channels { try await channel.close() }
      return result
    } catch {
      for channel in channels { try? await channel.close() }
      throw error
    }
  }
}

/// The responses to a query.
package enum HostileAnswer {
  /// Returns the datagrams that respond to a UDP query, in order.
  ///
  /// - Parameters:
  ///   - query: The query.
  ///   - label: The behaviour. `cut-N` sends the first N bytes, `cut-tc-N` the same with the TC
  ///     bit set.
  /// - Returns: The datagrams.
  package static func datagrams(_ query: [UInt8], _ label: String) -> [[UInt8]] {
    let right = DNSWire.answer(query, [DNSWire.txt("right")])
    let mark = DNSWire.answer(query, flags: 0x8600)
    if label.hasPrefix("tc-") { return [mark] }
    if label.hasPrefix("cut-"), let count = label.split(separator: "-").last.flatMap({ Int($0) }) {
      let whole = DNSWire.answer(
        query, flags: label.hasPrefix("cut-tc-") ? 0x8600 : 0x8400, [DNSWire.txt("right")])
      return [Array(whole.prefix(count))]
    }
    return switch label {
    case "right", "port": [right]
    case "forged": [otherNumber(right), DNSWire.answer(query, [DNSWire.txt("right")])]
    case "id": [otherNumber(right)]
    case "question": [DNSWire.answer(query, question: other, [DNSWire.txt("wrong")])]
    case "unasked": [DNSWire.answer(query, question: [], [DNSWire.txt("wrong", of: [0])])]
    case "query": [DNSWire.answer(query, flags: 0x0400, [DNSWire.txt("wrong")])]
    case "opcode": [DNSWire.answer(query, flags: 0xAC00, [DNSWire.txt("wrong")])]
    case "formerr": [DNSWire.answer(query, flags: 0x8001, question: [])]
    case "servfail": [DNSWire.answer(query, flags: 0x8002)]
    case "refused": [DNSWire.answer(query, flags: 0x8005)]
    case "tiny": [[], [0], Array(right.prefix(11)), right]
    case "large": [DNSWire.answer(query, many(60_000))]
    default: damaged(query, label).map { [$0] } ?? []
    }
  }

  /// Returns a malformed message.
  private static func damaged(_ query: [UInt8], _ label: String) -> [UInt8]? {
    let here = 12 + DNSWire.question(of: query).count
    func at(_ owner: Int...) -> [UInt8] {
      let owner = owner.flatMap { DNSWire.words(0xC000 | $0) }
      return DNSWire.answer(query, [DNSWire.txt("wrong", of: owner)], counts: [1, 1, 0, 0])
    }
    return switch label {
    case "loop-self": at(here)
    case "loop-pair": at(here + 2, here)
    case "loop-label":
      // One letter, then a pointer back to it: an endless name.
      DNSWire.answer(query, [DNSWire.txt("wrong", of: [1, 0x61] + DNSWire.words(0xC000 | here))])
    case "loop-data":
      // A CNAME whose target points to itself.
      DNSWire.answer(query, [DNSWire.record(type: 5, DNSWire.words(0xC000 | (here + 12)))])
    case "loop-question": DNSWire.answer(query, question: DNSWire.words(0xC00C, 16, 1))
    case "beyond": at(0x3FFF)
    case "long-name":
      DNSWire.answer(
        query, [DNSWire.txt("wrong", of: DNSWire.name(Array(repeating: "a", count: 200).dotted))])
    case "odd-label": DNSWire.answer(query, [DNSWire.txt("wrong", of: [0x80, 0x61, 0])])
    case "data-length":
      DNSWire.answer(query, [DNSWire.questionName + DNSWire.words(16, 1, 0, 60, 0xFFFF, 0x0161)])
    case "string-length":
      DNSWire.answer(query, [DNSWire.record(type: 16, [200, 0x61])])
    case "counts-0", "counts-1", "counts-2", "counts-3":
      DNSWire.answer(
        query, [DNSWire.txt("wrong")],
        counts: [1, 1, 0, 0].enumerated().map { "counts-\($0)" == label ? 0xFFFF : $1 })
    default: nil
    }
  }

  /// Returns as many TXT records as fit into `size` bytes.
  static func many(_ size: Int) -> [[UInt8]] {
    let count = size / DNSWire.txt("00000").count
    return (0..<count).map { index in
      let digits = String(index)
      return DNSWire.txt(String(repeating: "0", count: 5 - digits.count) + digits)
    }
  }

  private static let other = DNSWire.name("other.test") + DNSWire.words(16, 1)

  fileprivate static func otherNumber(_ message: [UInt8]) -> [UInt8] {
    [message[0] ^ 0xFF] + message.dropFirst()
  }
}

extension [String] {
  fileprivate var dotted: String { joined(separator: ".") }
}

private final class HostileDatagrams: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>

  private let server: HostileDNSServer
  private let stranger: any Channel

  init(_ server: HostileDNSServer, _ stranger: any Channel) {
    self.server = server
    self.stranger = stranger
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let envelope = unwrapInboundIn(data)
    let query = Array(envelope.data.readableBytesView)
    let label = DNSWire.firstLabel(of: query)
    server.note("udp \(label)")
    let channel = label == "port" ? stranger : context.channel
    for message in HostileAnswer.datagrams(query, label) {
      channel.writeAndFlush(
        AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: message)),
        promise: nil)
    }
  }
}

private final class HostileStream: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let server: HostileDNSServer
  private var received: [UInt8] = []

  init(_ server: HostileDNSServer) { self.server = server }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    received += Array(unwrapInboundIn(data).readableBytesView)
    guard received.count > 14 else { return }
    let query = Array(received.dropFirst(2))
    let label = DNSWire.firstLabel(of: query)
    server.note("tcp \(label)")
    answer(query, label, context.channel)
  }

  private func answer(_ query: [UInt8], _ label: String, _ channel: any Channel) {
    let right = DNSWire.answer(query, [DNSWire.txt("right")])
    let framed = DNSWire.words(right.count) + right
    func send(_ bytes: [UInt8], closes: Bool = false) {
      channel.writeAndFlush(ByteBuffer(bytes: bytes)).whenComplete { _ in
        if closes { channel.close(promise: nil) }
      }
    }
    switch label {
    case "tc-closed": channel.close(promise: nil)
    case "tc-silent": break
    case "tc-long": send(DNSWire.words(0xFFFF) + right)
    case "tc-long-closed": send(DNSWire.words(0xFFFF) + right, closes: true)
    case "tc-half-closed": send([framed[0]], closes: true)
    case "tc-short": send(DNSWire.words(20) + right)
    case "tc-zero": send([0, 0, 0, 0] + framed)
    case "tc-slow": Self.drip(framed[...], every: .milliseconds(1), channel)
    case "tc-drip": Self.drip(framed[...], every: .milliseconds(100), channel)
    case "tc-flood":
      let forged = DNSWire.words(right.count) + HostileAnswer.otherNumber(right)
      let block = Array(repeatElement(forged, count: 1_000).joined())
      Self.flood(ByteBuffer(bytes: block), channel)
    case "tc-id": send(DNSWire.words(right.count) + HostileAnswer.otherNumber(right))
    case "tc-again":
      let cut = DNSWire.answer(query, flags: 0x8600)
      send(DNSWire.words(cut.count) + cut)
    case "tc-huge":
      let huge = DNSWire.answer(query, HostileAnswer.many(65_000))
      send(DNSWire.words(huge.count) + huge)
    default: send(framed)
    }
  }

  /// Sends one byte at a time.
  private static func drip(
    _ bytes: ArraySlice<UInt8>, every pause: TimeAmount, _ channel: any Channel
  ) {
    guard let first = bytes.first, channel.isActive else { return }
    channel.writeAndFlush(ByteBuffer(bytes: [first]), promise: nil)
    channel.eventLoop.scheduleTask(in: pause) { drip(bytes.dropFirst(), every: pause, channel) }
  }

  /// Sends the same block until the client stops reading.
  private static func flood(_ block: ByteBuffer, _ channel: any Channel) {
    channel.writeAndFlush(block).whenSuccess {
      channel.eventLoop.execute { flood(block, channel) }
    }
  }
}
