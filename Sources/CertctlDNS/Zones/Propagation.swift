import CertctlBase
import CertctlCore
import CertctlDNSClient
import FoundationEssentials
import Synchronization

/// The wait until all name servers of a zone have the records.
///
/// Each address of each server is queried repeatedly until it returns all values. An unreachable
/// address is ignored if another address of the same server has them, because this host may lack
/// IPv6. A server without a reachable address counts as late, because the CA may query it.
struct Propagation: Sendable {
  /// The limits of the pause between two queries, in seconds.
  ///
  /// Within them it is a tenth of the time waited so far, so at most that share is lost.
  static let pauses = (shortest: 0.25, longest: 5.0)

  /// The expected values of a name.
  struct Wanted: Sendable, Hashable {
    let name: String
    let values: Set<String>
  }

  let client: any DNSClient
  let clock: WallClock
  /// The time limit, in seconds.
  let limit: Int
  /// Whether a resolver is queried instead of the zone's name servers.
  var isRecursive = false

  /// Waits until all name servers have the records.
  ///
  /// - Parameters:
  ///   - wanted: The expected records of the zone.
  ///   - zone: The zone.
  /// - Returns: The TTL of each name's records, in seconds.
  /// - Throws: `CertctlError` with code `challengeFailed` after the time limit, with the last state
  ///   of each late server; `CancellationError`.
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
      hint: "check these name servers, or allow more time with --dns-timeout SECONDS",
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
      // A silent address does not matter if another address of the same server has the records.
      if case .silent = trouble, board.isDone(server) { return }
      let now = clock.now()
      guard now < time.upperBound else { return }
      let waited = now.timeIntervalSince(time.lowerBound)
      try await clock.sleep(
        .seconds(min(max(waited / 10, Self.pauses.shortest), Self.pauses.longest)))
    }
  }

  /// Returns the records still missing at an address, and its state for the first of them.
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
            "is not authoritative for the zone"
          case DNSResponse.noError: "has \(count) of \(item.values.count) values of \(item.name)"
          case DNSResponse.noSuchName: "has no \(item.name) yet"
          default: "returned \(response.codeText)"
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

  /// Returns the TXT texts of a name in a response.
  static func texts(_ response: DNSResponse, of name: String) -> Set<String> {
    Set(
      response.answers.compactMap { record in
        guard record.name == name, case .text(let bytes) = record.content else { return nil }
        return String(decoding: bytes, as: UTF8.self)
      })
  }

  /// The last state of each address.
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

    /// The longest TTL seen for each name.
    var ttls: [String: UInt32] { lifetimes.withLock { $0 } }

    func note(_ name: String, ttl: UInt32) {
      lifetimes.withLock { $0[name] = max($0[name] ?? 0, ttl) }
    }

    func note(_ endpoint: Endpoint, _ state: State) {
      states.withLock { $0[endpoint] = state }
    }

    /// Returns whether an address of a server has all records.
    func isDone(_ server: NameServer) -> Bool {
      states.withLock { states in
        server.endpoints.contains { if case .done = states[$0] { true } else { false } }
      }
    }

    /// The problems of the late servers; empty if all servers have the records.
    var late: [String] {
      zone.servers.flatMap { server -> [String] in
        if server.endpoints.isEmpty { return ["\(server.name) has no address"] }
        let isServed = isDone(server)
        return server.endpoints.compactMap { endpoint in
          switch states.withLock({ $0[endpoint] }) {
          case .done: nil
          case .behind(let words): "\(server.name) (\(endpoint)) \(words)"
          case .silent(let words): isServed ? nil : "\(server.name) (\(endpoint)) \(words)"
          case nil: "\(server.name) (\(endpoint)) was not queried"
          }
        }
      }
    }
  }
}
