import CertctlBase
import CertctlDNSClient
import CertctlSystem
import Synchronization
import Testing

/// A DNS client with scripted answers.
///
/// A query without an answer times out.
final class ScriptedDNS: DNSClient {
  /// A query to one server.
  struct Question: Hashable, Sendable {
    var server: String
    var name: String
    var type: DNSType
  }

  private struct State {
    /// The answers to each query, in order; the last one repeats.
    var answers: [Question: [DNSResponse?]] = [:]
    var log: [Question] = []
    var recursive: Set<String> = []
  }

  static let resolver = "192.0.2.53"
  private let state = Mutex(State())

  /// The queries, in order.
  var log: [Question] { state.withLock(\.log) }

  /// The servers that received recursive queries.
  var recursive: Set<String> { state.withLock(\.recursive) }

  /// Sets the answers of a server; nil means no answer.
  func set(_ server: String, _ name: String, _ type: DNSType, _ answers: DNSResponse?...) {
    state.withLock { $0.answers[Question(server: server, name: name, type: type)] = answers }
  }

  /// Adds a zone, its servers and their addresses to the resolver.
  func addZone(_ zone: String, _ servers: [String: [String]]) {
    set(Self.resolver, zone, .soa, DNSResponse(answers: [.soa(zone)]))
    set(
      Self.resolver, zone, .ns,
      DNSResponse(answers: servers.keys.sorted().map { .ns(zone, $0) }))
    for (server, addresses) in servers { setAddresses(server, addresses) }
  }

  /// Adds a host's addresses to the resolver.
  func setAddresses(_ host: String, _ addresses: [String]) {
    for type in [DNSType.a, .aaaa] {
      let own = addresses.filter { $0.contains(":") == (type == .aaaa) }
      set(Self.resolver, host, type, DNSResponse(answers: own.map { .address(host, $0) }))
    }
  }

  func ask(
    _ name: String, _ type: DNSType, at server: Endpoint, isRecursive: Bool
  ) async throws -> DNSResponse {
    try Task.checkCancellation()
    let question = Question(server: server.host, name: name, type: type)
    let answer = state.withLock { state -> DNSResponse? in
      state.log.append(question)
      if isRecursive { state.recursive.insert(server.host) }
      guard let answers = state.answers[question], let first = answers.first else { return nil }
      if answers.count > 1 { state.answers[question] = Array(answers.dropFirst()) }
      return first
    }
    guard let answer else {
      throw HostError(.timedOut, operation: "query", subject: "\(server)", detail: "no answer")
    }
    return answer
  }

  func send(_ message: [UInt8], to server: Endpoint) async throws -> [UInt8] {
    Issue.record("this test must not change a zone")
    return []
  }
}

extension DNSRecord {
  static func soa(_ zone: String) -> DNSRecord {
    DNSRecord(
      name: zone, type: .soa, ttl: 60,
      content: .start(primary: "ns1.\(zone)", serial: 1, negativeTTL: 60))
  }

  static func ns(_ zone: String, _ server: String) -> DNSRecord {
    DNSRecord(name: zone, type: .ns, ttl: 60, content: .name(server))
  }

  static func cname(_ name: String, _ target: String) -> DNSRecord {
    DNSRecord(name: name, type: .cname, ttl: 60, content: .name(target))
  }

  static func address(_ host: String, _ address: String) -> DNSRecord {
    DNSRecord(
      name: host, type: address.contains(":") ? .aaaa : .a, ttl: 60, content: .address(address))
  }

  static func txt(_ name: String, _ text: String, ttl: UInt32 = 60) -> DNSRecord {
    DNSRecord(name: name, type: .txt, ttl: ttl, content: .text(Array(text.utf8)))
  }
}
