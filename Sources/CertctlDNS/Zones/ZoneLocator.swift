import ACME
import CertctlBase
import CertctlCore
import CertctlDNSClient

/// The DNS as one run sees it: where a name lies, and which servers speak for it.
///
/// The host's resolver is asked for what exists and may be remembered: zones, name servers, addresses.
/// It is never asked for a challenge's name before there is an answer: "no such name" would stay in its
/// memory, and often it is the one that the CA asks, too. Those names are asked for at the zone's own
/// servers, whose referrals lead down to the zone that really has them. Only where this host may not ask
/// those servers, as behind a firewall that lets the resolver through alone, and where the user has said
/// so, the resolver is asked for all.
package actor ZoneLocator {
  /// How many CNAMEs or delegations in a row are followed.
  static let longestChain = 16
  /// How many name servers of a zone, and how many addresses of each, are looked at.
  static let mostServers = 16

  nonisolated let client: any DNSClient
  nonisolated let resolvers: [Endpoint]
  nonisolated let port: Int
  private let mayAskResolver: Bool
  private var outOfReach: Set<String> = []
  private var zones: [String: Task<DNSZone, any Error>] = [:]

  /// A view.
  ///
  /// - Parameters:
  ///   - client: Asks.
  ///   - resolvers: The resolvers, in their order.
  ///   - port: The port that the zones' own servers listen on.
  ///   - mayAskResolver: Whether the resolver is asked for any name of a zone whose own servers are all
  ///     out of reach.
  init(
    client: any DNSClient, resolvers: [Endpoint], port: Int = 53, mayAskResolver: Bool = false
  ) {
    self.client = client
    self.resolvers = resolvers
    self.port = port
    self.mayAskResolver = mayAskResolver
  }

  /// Where the record of a name has to be: at the end of its CNAMEs, in the zone that has that end.
  ///
  /// - Throws: `CertctlError` with code `challengeFailed` for a loop, a name that nobody has, servers
  ///   that do not answer.
  func place(of start: String) async throws -> RecordLocation {
    var name = start
    var seen = [start]
    while true {
      let (zone, target) = try await descend(to: name)
      guard let target else { return RecordLocation(name: name, zone: zone, chain: seen) }
      guard let next = DNSName.normalized(target) else {
        throw failure("\(name) is a CNAME of a name that certctl cannot ask for")
      }
      guard !seen.contains(next), seen.count < Self.longestChain else {
        throw failure(
          "the CNAMEs of \(start) lead in a circle, or too far: "
            + (seen + [next]).joined(separator: " → "),
          hint: "let \(start) be a CNAME of a name that has no CNAME itself")
      }
      seen.append(next)
      name = next
    }
  }

  /// The records of a name at the servers of its zone, CNAMEs followed; empty when there are none.
  func records(_ name: String, _ type: DNSType) async throws -> [DNSRecord] {
    let place = try await place(of: name)
    let response = try await ask(place.zone, place.name, type)
    return response.answers.filter { $0.type == type && $0.name == place.name }
  }

  // MARK: - Zones

  /// The zone that has a name, and the name that the CNAME there leads to.
  private func descend(to name: String) async throws -> (DNSZone, String?) {
    var zone = try await enclosingZone(of: name)
    for _ in 0..<Self.longestChain {
      let response = try await ask(zone, name, .cname)
      for record in response.answers where record.name == name && record.type == .cname {
        if case .name(let target) = record.content { return (zone, target) }
      }
      // The servers of a zone often have the zones below it, too.
      let below = response.authority.first { record in
        guard [.soa, .ns].contains(record.type), record.name != zone.name else { return false }
        return DNSName.isIn(record.name, zone.name) && DNSName.isIn(name, record.name)
      }
      guard let below else { return (zone, nil) }
      zone = try await self.zone(below.name, referral: response)
    }
    throw failure("the delegations of \(name) lead too far down")
  }

  /// Top-level domains of networks of one's own (RFC 6761, RFC 8375, ICANN's "internal", and habit).
  private static let ownZones: Set<String> = [
    "test", "local", "localhost", "localdomain", "lan", "home", "internal", "intranet", "private",
    "corp", "arpa",
  ]

  /// The list of suffixes is read at the first look.
  @Disk private static func registeredDomain(of name: String) -> String {
    RegisteredDomain.key(of: .dns(name))
  }

  /// A zone above the name that the resolver knows; the name may be in one further down.
  private func enclosingZone(of name: String) async throws -> DNSZone {
    let key = await Self.registeredDomain(of: name)
    // The key of "_acme-challenge.web.de" has three labels, too, and must not be asked for.
    let top = key == name && key.hasPrefix("_") ? DNSName.parent(of: key) ?? key : key
    let response = try await resolve(top, .soa)
    let start =
      response.answers.first { $0.type == .soa && $0.name == top }
      ?? response.authority.first { $0.type == .soa && DNSName.isIn(top, $0.name) }
    let isUnknown = response.code == DNSResponse.noSuchName
    guard let start, !start.name.isEmpty,
      // "No such name" by a top-level domain: nobody has registered it. Zones of one label that are a
      // network's own may well have the name further down.
      !isUnknown || start.name.contains(".") || Self.ownZones.contains(start.name)
    else {
      throw failure(
        isUnknown
          ? "there is no domain \(top) in the DNS"
          : "the resolver does not say which zone \(top) is in (\(response.codeText))",
        hint: isUnknown
          ? "check the spelling, and whether it is registered"
          : "another resolver can be named by --dns-resolver")
    }
    return try await zone(start.name, referral: nil)
  }

  private func zone(_ name: String, referral: DNSResponse?) async throws -> DNSZone {
    if let known = zones[name] { return try await known.value }
    let task = Task { try await findServers(of: name, referral) }
    zones[name] = task
    do {
      return try await task.value
    } catch {
      zones[name] = nil
      throw error
    }
  }

  private nonisolated func findServers(of zone: String, _ referral: DNSResponse?) async throws
    -> DNSZone
  {
    let answers = (try? await resolve(zone, .ns))?.answers ?? []
    let records = answers.isEmpty ? referral?.authority ?? [] : answers
    let names = records.compactMap { record -> String? in
      guard record.type == .ns, record.name == zone, case .name(let name) = record.content else {
        return nil
      }
      return DNSName.normalized(name)
    }
    let unique = Set(names).sorted().prefix(Self.mostServers)
    let port = port
    let servers = try await withThrowingTaskGroup(of: NameServer.self) { group in
      for name in unique {
        group.addTask {
          let addresses = await self.addresses(of: name, glue: referral?.additional ?? [])
          return NameServer(
            name: name, endpoints: addresses.map { Endpoint(host: $0, port: port) })
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    guard servers.contains(where: { !$0.endpoints.isEmpty }) else {
      throw failure(
        unique.isEmpty
          ? "the resolver names no name servers of the zone \(zone)"
          : "the name servers of \(zone) have no addresses: \(unique.joined(separator: ", "))")
    }
    return DNSZone(name: zone, servers: servers.sorted { $0.name < $1.name })
  }

  private nonisolated func addresses(of name: String, glue: [DNSRecord]) async -> [String] {
    async let v4 = try? resolve(name, .a)
    async let v6 = try? resolve(name, .aaaa)
    var found: [String] = []
    for records in [await v4?.answers ?? [], await v6?.answers ?? []] {
      found += Self.addresses(in: records)
    }
    if found.isEmpty { found = Self.addresses(in: glue.filter { $0.name == name }) }
    return Array(found.prefix(Self.mostServers))
  }

  private static func addresses(in records: [DNSRecord]) -> [String] {
    records.compactMap { if case .address(let text) = $0.content { text } else { nil } }
  }

  // MARK: - Asking

  /// Asks the resolvers, one after another until one answers.
  nonisolated func resolve(_ name: String, _ type: DNSType) async throws -> DNSResponse {
    var last: (any Error)?
    for resolver in resolvers {
      do {
        let response = try await client.ask(name, type, at: resolver, isRecursive: true)
        if Self.isUsable(response) { return response }
        last = failure("the resolver \(resolver) answers \(response.codeText) for \(name)")
      } catch let error as HostError {
        last = failure(
          "the resolver \(resolver) gives no answer for \(name): \(error.detail ?? "\(error)")",
          hint: error.code == .missingLibrary
            ? error.hint : "another resolver can be named by --dns-resolver")
      }
    }
    throw last ?? failure("there is no resolver")
  }

  /// Asks the zone's own servers, or the resolver where those are out of reach and it may be asked.
  func ask(_ zone: DNSZone, _ name: String, _ type: DNSType) async throws -> DNSResponse {
    guard mayAskResolver else { return try await askInTurn(zone, name, type) }
    if !outOfReach.contains(zone.name) {
      if let response = try await askAtOnce(zone, name, type) { return response }
      outOfReach.insert(zone.name)
    }
    return try await resolve(name, type)
  }

  /// Asks the zone's own servers all at once: the first good answer; nil when there is none.
  private nonisolated func askAtOnce(
    _ zone: DNSZone, _ name: String, _ type: DNSType
  ) async throws -> DNSResponse? {
    let client = client
    return try await withThrowingTaskGroup(of: DNSResponse?.self) { group in
      for endpoint in zone.servers.flatMap(\.endpoints) {
        group.addTask {
          do {
            let response = try await client.ask(name, type, at: endpoint, isRecursive: false)
            return Self.isUsable(response) && !Self.isLame(response, zone) ? response : nil
          } catch is HostError {
            return nil
          }
        }
      }
      for try await response in group {
        guard let response else { continue }
        group.cancelAll()
        return response
      }
      return nil
    }
  }

  /// Asks the zone's own servers, one after another until one answers.
  private nonisolated func askInTurn(
    _ zone: DNSZone, _ name: String, _ type: DNSType
  ) async throws -> DNSResponse {
    var troubles: [String] = []
    for server in zone.servers {
      for endpoint in server.endpoints {
        do {
          let response = try await client.ask(name, type, at: endpoint, isRecursive: false)
          if Self.isUsable(response), !Self.isLame(response, zone) { return response }
          let words =
            Self.isUsable(response)
            ? "does not speak for the zone" : "answers \(response.codeText)"
          troubles.append("\(server.name) (\(endpoint)) \(words)")
        } catch let error as HostError {
          troubles.append("\(server.name) (\(endpoint)): \(error.detail ?? error.description)")
        }
      }
    }
    throw failure(
      "no name server of the zone \(zone.name) answers for \(name): "
        + troubles.joined(separator: "; "),
      hint:
        "this host has to reach port \(port) of the zone's own name servers, by UDP and TCP; where "
        + "it may not, --dns-check resolver asks the resolver instead")
  }

  private static func isUsable(_ response: DNSResponse) -> Bool {
    response.code == DNSResponse.noError || response.code == DNSResponse.noSuchName
  }

  /// Whether a server that should speak for the zone sends us away, and not further down.
  private static func isLame(_ response: DNSResponse, _ zone: DNSZone) -> Bool {
    !response.isAuthoritative && response.answers.isEmpty
      && !response.authority.contains { DNSName.isIn($0.name, zone.name) }
  }

  private nonisolated func failure(_ what: String, hint: String? = nil) -> CertctlError {
    CertctlError(.challengeFailed, what, hint: hint, isRetryable: false)
  }
}

/// A zone and the servers that speak for it.
package struct DNSZone: Sendable, Hashable {
  /// The zone's name.
  package let name: String
  /// Its servers.
  let servers: [NameServer]
}

/// A name server.
struct NameServer: Sendable, Hashable {
  /// Its name.
  let name: String
  /// Its addresses of both families.
  let endpoints: [Endpoint]
}

/// Where a record has to be.
package struct RecordLocation: Sendable, Hashable {
  /// The record's name, after all CNAMEs.
  package let name: String
  /// The zone that it is in.
  package let zone: DNSZone
  /// The names that led there, the first included.
  let chain: [String]
}
