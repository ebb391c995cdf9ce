import CertctlBase
import CertctlCrypto
import CertctlDNSClient
import CertctlSystem
import Synchronization
import TestSupport

@testable import CertctlCore

/// An in-memory zone that certctl can query and change.
///
/// It plays the zone's two DNS servers and the resolver. Records are changed through
/// httpreq. All other HTTP requests go to the CA.
final class ZoneDouble: DNSClient, HTTPClient {
  static let zone = "example.com"
  static let endpoint = "https://httpreq.test"

  private struct State {
    var texts: [String: Set<String>] = [:]
    var changes: [String] = []
    var isBroken = false
  }

  private let state = Mutex(State())
  private let authority = Mutex<(any HTTPClient)?>(nil)

  /// The TXT values by name.
  var texts: [String: Set<String>] { state.withLock { $0.texts.filter { !$0.value.isEmpty } } }

  /// The changes made through httpreq: `+name` and `-name`.
  var changes: [String] { state.withLock(\.changes) }

  /// Sets the values of a name, as a user would.
  func set(_ name: String, _ values: Set<String>) { state.withLock { $0.texts[name] = values } }

  /// Refuses removals from now on, or accepts them again.
  func refuseRemovals(_ isBroken: Bool) { state.withLock { $0.isBroken = isBroken } }

  /// Connects an environment to this zone.
  func connect(_ environment: inout Environment) throws {
    let authority = try environment.http(nil)
    self.authority.withLock { $0 = authority }
    environment.http = { _ in self }
    environment.dns = self
    environment.variables = ["HTTPREQ_ENDPOINT": Self.endpoint]
  }

  // MARK: - The httpreq server

  func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    guard request.url.hasPrefix(Self.endpoint) else {
      guard let authority = authority.withLock(\.self) else { throw HarnessError("not connected") }
      return try await authority.send(request)
    }
    let body = JSONValue(request.body ?? []) ?? .null
    guard let name = body["fqdn"].string.map({ String($0.dropLast()) }),
      let value = body["value"].string
    else { return HTTPResponse(status: 400) }
    let isRemoval = request.url.hasSuffix("/cleanup")
    return state.withLock { state in
      if isRemoval, state.isBroken { return HTTPResponse(status: 403) }
      if isRemoval {
        state.texts[name]?.remove(value)
      } else {
        state.texts[name, default: []].insert(value)
      }
      state.changes.append((isRemoval ? "-" : "+") + name)
      return HTTPResponse(status: 200)
    }
  }

  // MARK: - The DNS servers

  func ask(
    _ name: String, _ type: DNSType, at server: Endpoint, isRecursive: Bool
  ) async throws -> DNSResponse {
    let zone = Self.zone
    func record(_ name: String, _ type: DNSType, _ content: DNSRecord.Content) -> DNSRecord {
      DNSRecord(name: name, type: type, ttl: 0, content: content)
    }
    let servers = ["ns1.\(zone)": "192.0.2.1", "ns2.\(zone)": "192.0.2.2"]
    let start = record(
      zone, .soa, .start(primary: "ns1.\(zone)", serial: 1, negativeTTL: 60))
    let answers: [DNSRecord] =
      switch type {
      case .soa where name == zone: [start]
      case .ns where name == zone: servers.keys.sorted().map { record(zone, .ns, .name($0)) }
      case .a: servers[name].map { [record(name, .a, .address($0))] } ?? []
      case .txt:
        state.withLock { $0.texts[name] ?? [] }.sorted().map {
          record(name, .txt, .text(Array($0.utf8)))
        }
      default: []
      }
    return DNSResponse(
      isAuthoritative: !isRecursive, answers: answers, authority: answers.isEmpty ? [start] : [])
  }

  func send(_ message: [UInt8], to server: Endpoint) async throws -> [UInt8] {
    throw HarnessError("this zone takes no updates")
  }
}
