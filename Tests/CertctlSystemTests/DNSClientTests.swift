import CertctlBase
import CertctlDNSClient
import Glibc
import TestSupport
import Testing

/// Asking servers that do everything wrong: an error or the right answer, in time.
@Suite(.serialized)
struct DNSClientTests {
  /// For answers that come: on a busy machine, a server may take its time to make them.
  private static let patient = NetworkDNSClient(
    patience: [.seconds(30), .seconds(30)], streamLimit: .seconds(30))
  /// For datagrams that are waited for in vain.
  private static let hasty = NetworkDNSClient(
    patience: [.milliseconds(400), .milliseconds(800)], streamLimit: .seconds(30))
  /// For connections on which an answer is waited for in vain.
  private static let hastyByTCP = NetworkDNSClient(
    patience: [.seconds(30), .seconds(30)], streamLimit: .milliseconds(1500))
  /// What the hasty ones may take, and what a busy machine adds.
  private static let limit = Duration.seconds(25)

  /// How an exchange ends.
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
  func `a wrong datagram is an error in time, or waited past`(
    _ label: String, _ expected: End
  ) async throws {
    try await HostileDNSServer.run { server in
      let end = try await ask(label, server, expected == .timedOut ? Self.hasty : Self.patient)
      #expect(end == expected)
      // What nobody can have meant is asked for once more, and never by TCP.
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
  func `an answer that is cut off leads to TCP, whose end comes in time`(
    _ label: String, _ expected: End
  ) async throws {
    try await HostileDNSServer.run { server in
      let end = try await ask(label, server, expected == .timedOut ? Self.hastyByTCP : Self.patient)
      #expect(end == expected)
      try await poll("the questions") { server.log.count >= 2 }
      #expect(server.log == ["udp \(label)", "tcp \(label)"])
    }
  }

  @Test func `thousands of records come by TCP, all of them`() async throws {
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

  @Test func `TCP that is refused is told at once`() async throws {
    try await HostileDNSServer.run(listensByTCP: false) { server in
      let end = try await ask("tc-right", server)
      #expect(end == .failure(.connectFailed))
    }
  }

  @Test func `a port that nobody listens on is told at once`() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let port = try FreePort.pick()
    let error = await #expect(throws: HostError.self) {
      try await NetworkDNSClient(patience: [.seconds(90)]).ask(
        "a.test", .txt, at: Endpoint(host: "127.0.0.1", port: port), isRecursive: false)
    }
    #expect(error?.code == .connectFailed)
    // An answer would be waited for longer.
    #expect(clock.now - start < .seconds(60))
  }

  @Test func `an answer cut at any length is an error, or asked for by TCP where it says so`()
    async throws
  {
    try await HostileDNSServer.run { server in
      let query = try DNSMessage.question("cut-tc-00.example.test", .txt, id: 1, isRecursive: false)
      let whole = DNSWire.answer(query, [DNSWire.txt("right")]).count
      for count in 12..<whole {
        // A label of the same length each time.
        let plain = try await ask("cut-00-\(count)", server)
        #expect(plain == .malformed, "\(count)")
        let marked = try await ask("cut-tc-\(count)", server)
        #expect(marked == .right, "\(count)")
      }
      #expect(server.log.contains("tcp cut-tc-12"))
    }
  }

  @Test func `whoever is cancelled waits no longer`() async throws {
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

  @Test func `a message is sent by TCP, and its answer is the one with its number`() async throws {
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
