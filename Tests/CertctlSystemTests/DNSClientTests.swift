import CertctlBase
import CertctlDNSClient
import Glibc
import TestSupport
import Testing

/// Queries to misbehaving servers: an error or the correct response, in time.
@Suite(.serialized)
struct DNSClientTests {
  /// For responses that arrive: a busy machine may be slow.
  private static let patient = NetworkDNSClient(
    patience: [.seconds(30), .seconds(30)], streamLimit: .seconds(30))
  /// For UDP responses that never arrive.
  private static let hasty = NetworkDNSClient(
    patience: [.milliseconds(400), .milliseconds(800)], streamLimit: .seconds(30))
  /// For TCP responses that never arrive.
  private static let hastyByTCP = NetworkDNSClient(
    patience: [.seconds(30), .seconds(30)], streamLimit: .milliseconds(1500))
  /// The maximum time of a query with a hasty client, on a busy machine.
  private static let limit = Duration.seconds(25)

  /// The outcome of a query.
  enum End: Equatable, CustomStringConvertible {
    case texts([String])
    case code(Int)
    case failure(HostError.Code)

    static let right = End.texts(["right"])
    static let timedOut = End.failure(.timedOut)
    static let malformed = End.failure(.malformedAnswer)

    var description: String {
      switch self {
      case .texts(let texts): "\(texts.prefix(3)) (\(texts.count))"
      case .code(let code): "code \(code)"
      case .failure(let code): code.rawValue
      }
    }
  }

  private func ask(
    _ label: String, _ server: HostileDNSServer, _ client: NetworkDNSClient = Self.patient
  ) async throws -> End {
    let clock = ContinuousClock()
    let start = clock.now
    defer { #expect(clock.now - start < Self.limit, "\(label)") }
    do {
      let response = try await client.ask(
        "\(label).example.test", .txt, at: Endpoint(host: "127.0.0.1", port: server.port),
        isRecursive: false)
      if response.code != 0 { return .code(response.code) }
      return .texts(response.answers.map(Self.text))
    } catch let error as HostError {
      return .failure(error.code)
    }
  }

  private static func text(_ record: DNSRecord) -> String {
    guard case .text(let bytes) = record.content else { return "\(record.content)" }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(arguments: [
    ("right", End.right), ("forged", .right), ("port", .timedOut), ("id", .timedOut),
    ("question", .timedOut), ("unasked", .timedOut), ("query", .timedOut), ("opcode", .timedOut),
    ("silent", .timedOut), ("tiny", .right), ("formerr", .code(1)), ("servfail", .code(2)),
    ("refused", .code(5)), ("large", .malformed), ("loop-self", .malformed),
    ("loop-pair", .malformed), ("loop-label", .malformed), ("loop-data", .malformed),
    ("loop-question", .malformed), ("beyond", .malformed), ("long-name", .malformed),
    ("odd-label", .malformed), ("data-length", .malformed), ("string-length", .malformed),
    ("counts-0", .malformed), ("counts-1", .malformed), ("counts-2", .malformed),
    ("counts-3", .malformed),
  ])
  func `an invalid datagram is an error, or is ignored until the timeout`(
    _ label: String, _ expected: End
  ) async throws {
    try await HostileDNSServer.run { server in
      let end = try await ask(label, server, expected == .timedOut ? Self.hasty : Self.patient)
      #expect(end == expected)
      // Ignored datagrams are followed by one retry, and never by TCP.
      let questions = Array(
        repeating: "udp \(label)", count: expected == .timedOut ? 2 : 1)
      try await poll("the questions") { server.log.count >= questions.count }
      #expect(server.log == questions)
    }
  }

  @Test(arguments: [
    ("tc-right", End.right), ("tc-slow", .right), ("tc-zero", .right),
    ("tc-closed", .failure(.transferFailed)), ("tc-long-closed", .failure(.transferFailed)),
    ("tc-half-closed", .failure(.transferFailed)), ("tc-silent", .timedOut),
    ("tc-long", .timedOut), ("tc-drip", .timedOut), ("tc-id", .timedOut), ("tc-flood", .timedOut),
    ("tc-short", .malformed), ("tc-again", .malformed),
  ])
  func `a truncated response is followed by TCP, which ends in time`(
    _ label: String, _ expected: End
  ) async throws {
    try await HostileDNSServer.run { server in
      let end = try await ask(label, server, expected == .timedOut ? Self.hastyByTCP : Self.patient)
      #expect(end == expected)
      try await poll("the questions") { server.log.count >= 2 }
      #expect(server.log == ["udp \(label)", "tcp \(label)"])
    }
  }

  @Test func `thousands of records arrive by TCP`() async throws {
    try await HostileDNSServer.run { server in
      guard case .texts(let texts) = try await ask("tc-huge", server) else {
        Issue.record("there is no answer")
        return
      }
      #expect(texts.count == 65_000 / 18)
      #expect(Set(texts).count == texts.count)
      #expect(texts.first == "00000")
    }
  }

  @Test func `a refused TCP connection fails immediately`() async throws {
    try await HostileDNSServer.run(listensByTCP: false) { server in
      let end = try await ask("tc-right", server)
      #expect(end == .failure(.connectFailed))
    }
  }

  @Test func `a closed UDP port fails immediately`() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let port = try FreePort.pick()
    let error = await #expect(throws: HostError.self) {
      try await NetworkDNSClient(patience: [.seconds(90)]).ask(
        "a.test", .txt, at: Endpoint(host: "127.0.0.1", port: port), isRecursive: false)
    }
    #expect(error?.code == .connectFailed)
    // Waiting for a response would take longer.
    #expect(clock.now - start < .seconds(60))
  }

  @Test func `a response cut at any length is an error, or is retried by TCP if the TC bit is set`()
    async throws
  {
    try await HostileDNSServer.run { server in
      let query = try DNSMessage.question("cut-tc-00.example.test", .txt, id: 1, isRecursive: false)
      let whole = DNSWire.answer(query, [DNSWire.txt("right")]).count
      for count in 12..<whole {
        // The label always has the same length.
        let plain = try await ask("cut-00-\(count)", server)
        #expect(plain == .malformed, "\(count)")
        let marked = try await ask("cut-tc-\(count)", server)
        #expect(marked == .right, "\(count)")
      }
      #expect(server.log.contains("tcp cut-tc-12"))
    }
  }

  @Test func `cancellation ends the wait for a response`() async throws {
    for label in ["silent", "tc-silent"] {
      try await HostileDNSServer.run { server in
        let endpoint = Endpoint(host: "127.0.0.1", port: server.port)
        let clock = ContinuousClock()
        let task = Task {
          try await NetworkDNSClient(patience: [.seconds(90)], streamLimit: .seconds(90))
            .ask("\(label).test", .txt, at: endpoint, isRecursive: false)
        }
        let asked = (label == "silent" ? "udp " : "tcp ") + label
        try await poll("the question") { server.log.last == asked }
        let start = clock.now
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(clock.now - start < .seconds(60))
      }
    }
  }

  @Test func `a message is sent by TCP, and only a response with its ID is accepted`() async throws
  {
    try await HostileDNSServer.run { server in
      let endpoint = Endpoint(host: "127.0.0.1", port: server.port)
      let message = try DNSMessage.question("right.test", .soa, id: 7, isRecursive: false)
      let answer = try await Self.patient.send(message, to: endpoint)
      #expect(answer.prefix(4) == [0, 7, 0x84, 0])
      let forged = try DNSMessage.question("tc-id.test", .soa, id: 7, isRecursive: false)
      let error = await #expect(throws: HostError.self) {
        try await Self.hastyByTCP.send(forged, to: endpoint)
      }
      #expect(error?.code == .timedOut)
    }
  }
}
