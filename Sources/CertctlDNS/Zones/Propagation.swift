import CertctlBase
import CertctlCore
import CertctlDNSClient
import FoundationEssentials
import Synchronization

/// Waits until every server of a zone has records, and not a moment longer.
///
/// Each address of each server is asked by itself, again and again, until it has all values. A server
/// with one address that answers and another that cannot be reached counts by the one that answers: a
/// host without IPv6 cannot ask there. A server of which no address answers counts as not done, for
/// the CA may ask it.
struct Propagation: Sendable {
  /// The shortest and the longest pause after a look that found nothing, in seconds; between them it is
  /// a tenth of the time that was waited already, which is the most that is lost by it.
  static let pauses = (shortest: 0.25, longest: 5.0)

  /// One name that is waited for.
  struct Wanted: Sendable, Hashable {
    let name: String
    let values: Set<String>
  }

  let client: any DNSClient
  let clock: WallClock
  /// How long to wait, in seconds.
  let limit: Int
  /// Whether a resolver is asked instead of the zone's own servers.
  var isRecursive = false

  /// Waits.
  ///
  /// - Parameters:
  ///   - wanted: What is waited for in this zone.
  ///   - zone: The zone.
  /// - Returns: For how many seconds each name's records may be remembered.
  /// - Throws: `CertctlError` with code `challengeFailed` when the time is over, with what each server
  ///   answered last; `CancellationError`.
  func wait(for wanted: [Wanted], at zone: DNSZone) async throws -> [String: UInt32] {
    let board = Board(zone)
    let start = clock.now()
    let deadline = start.addingTimeInterval(Double(limit))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for server in zone.servers {
        for endpoint in server.endpoints {
          group.addTask {
            try await watch(endpoint, of: server, wanted, start..<deadline, board)
          }
        }
      }
      try await group.waitForAll()
    }
    let late = board.late
    guard !late.isEmpty else { return board.ttls }
    throw CertctlError(
      .challengeFailed,
      "not all name servers of \(zone.name) have the record after \(limit) s: "
        + late.joined(separator: "; "),
      hint: "give the servers more time by --dns-timeout, or see to the server that is named",
      isRetryable: true)
  }

  private func watch(
    _ endpoint: Endpoint, of server: NameServer, _ wanted: [Wanted], _ time: Range<Date>,
    _ board: Board
  ) async throws {
    var left = wanted
    while true {
      let (missing, trouble) = try await look(for: left, at: endpoint, board)
      left = missing
      if left.isEmpty { return board.note(endpoint, .done) }
      board.note(endpoint, trouble)
      // Where another address of the same server speaks for it, one that is silent is let be.
      if case .silent = trouble, board.isDone(server) { return }
      let now = clock.now()
      guard now < time.upperBound else { return }
      let waited = now.timeIntervalSince(time.lowerBound)
      try await clock.sleep(
        .seconds(min(max(waited / 10, Self.pauses.shortest), Self.pauses.longest)))
    }
  }

  /// What is still missing at one address, and what it said about the first of it.
  private func look(
    for wanted: [Wanted], at endpoint: Endpoint, _ board: Board
  ) async throws -> ([Wanted], Board.State) {
    for (index, item) in wanted.enumerated() {
      do {
        let response = try await client.ask(item.name, .txt, at: endpoint, isRecursive: isRecursive)
        let found = Self.texts(response, of: item.name)
        if item.values.isSubset(of: found) {
          board.note(item.name, ttl: response.answers.map(\.ttl).max() ?? 0)
          continue
        }
        let count = item.values.intersection(found).count
        let words =
          switch response.code {
          case DNSResponse.noError
          where !isRecursive && !response.isAuthoritative && found.isEmpty:
            "does not speak for the zone"
          case DNSResponse.noError: "has \(count) of \(item.values.count) values of \(item.name)"
          case DNSResponse.noSuchName: "has no \(item.name) yet"
          default: "answers \(response.codeText)"
          }
        return (Array(wanted[index...]), .behind(words))
      } catch let error as HostError where error.code == .missingLibrary {
        throw error
      } catch let error as HostError {
        return (Array(wanted[index...]), .silent("does not answer (\(error.detail ?? "\(error)"))"))
      }
    }
    return ([], .done)
  }

  /// The texts of a name in an answer.
  static func texts(_ response: DNSResponse, of name: String) -> Set<String> {
    Set(
      response.answers.compactMap { record in
        guard record.name == name, case .text(let bytes) = record.content else { return nil }
        return String(decoding: bytes, as: UTF8.self)
      })
  }

  /// What each address said last.
  final class Board: Sendable {
    enum State: Sendable {
      case done
      case behind(String)
      case silent(String)
    }

    private let zone: DNSZone
    private let states = Mutex<[Endpoint: State]>([:])
    private let lifetimes = Mutex<[String: UInt32]>([:])

    init(_ zone: DNSZone) { self.zone = zone }

    /// The longest time to live of each name that was seen.
    var ttls: [String: UInt32] { lifetimes.withLock { $0 } }

    func note(_ name: String, ttl: UInt32) {
      lifetimes.withLock { $0[name] = max($0[name] ?? 0, ttl) }
    }

    func note(_ endpoint: Endpoint, _ state: State) {
      states.withLock { $0[endpoint] = state }
    }

    /// Whether one address of a server has all.
    func isDone(_ server: NameServer) -> Bool {
      states.withLock { states in
        server.endpoints.contains { if case .done = states[$0] { true } else { false } }
      }
    }

    /// What is wrong with the servers that are not done; empty when all are.
    var late: [String] {
      zone.servers.flatMap { server -> [String] in
        if server.endpoints.isEmpty { return ["\(server.name) has no address"] }
        let isServed = isDone(server)
        return server.endpoints.compactMap { endpoint in
          switch states.withLock({ $0[endpoint] }) {
          case .done: nil
          case .behind(let words): "\(server.name) (\(endpoint)) \(words)"
          case .silent(let words): isServed ? nil : "\(server.name) (\(endpoint)) \(words)"
          case nil: "\(server.name) (\(endpoint)) was not asked"
          }
        }
      }
    }
  }
}
