import ACME
import CertctlBase
import CertctlCore
import CertctlDNSClient

/// The zone lookup of one run: finds the zone of a name and its name servers.
///
/// The host's resolver is queried only for names that exist and may be cached: zones, name servers
/// and addresses. It is not queried for the name of a challenge, because it would cache a negative
/// answer, and the CA often uses the same resolver. The zone's own servers are queried for those
/// names, and their referrals lead to the right zone.
///
/// The resolver is queried for everything only if the user allows it and the zone's servers are out
/// of reach, for example behind a firewall.
package actor ZoneLocator {
  /// The maximum number of CNAMEs or delegations in a chain.
  static let longestChain = 16
  /// The maximum number of name servers per zone, and of addresses per name server.
  static let mostServers = 16

  nonisolated let client: any DNSClient
  nonisolated let resolvers: [Endpoint]
  nonisolated let port: Int
  private let mayAskResolver: Bool
  private var outOfReach: Set<String> = []
  private var zones: [String: Task<DNSZone, any Error>] = [:]

  /// Creates a locator.
  ///
  /// - Parameters:
  ///   - client: The DNS client.
  ///   - resolvers: The resolvers, in order of preference.
  ///   - port: The port of the zones' name servers.
  ///   - mayAskResolver: Whether the resolver may be queried for any name of a zone whose name
  ///     servers are all out of reach.
  init(
    client: any DNSClient, resolvers: [Endpoint], port: Int = 53, mayAskResolver: Bool = false
  ) {
    self.client = client
    self.resolvers = resolvers
    self.port = port
    self.mayAskResolver = mayAskResolver
  }

  /// Returns the location of a name's record: the end of its CNAME chain, and the zone there.
  ///
  /// - Throws: `CertctlError` with code `challengeFailed` for a CNAME loop, an unregistered domain,
  ///   or name servers that do not answer.
  func place(of start: String) async throws -> RecordLocation {
    var name = start
    var seen = [start]
    while true {
      let (zone, target) = try await descend(to: name)
      guard let target else { return RecordLocation(name: name, zone: zone, chain: seen) }
      guard let next = DNSName.normalized(target) else {
        throw failure("cannot follow the CNAME of \(name): its target is not a supported name")
      }
      guard !seen.contains(next), seen.count < Self.longestChain else {
        throw failure(
          "the CNAMEs of \(start) form a loop or a chain that is too long: "
            + (seen + [next]).joined(separator: " → "),
          hint: "point the CNAME of \(start) to a name without a CNAME")
      }
      seen.append(next)
      name = next
    }
  }

  /// Returns the records of a name from its zone's servers, following CNAMEs.
  func records(_ name: String, _ type: DNSType) async throws -> [DNSRecord] {
    let place = try await place(of: name)
    let response = try await ask(place.zone, place.name, type)
    return response.answers.filter { $0.type == type && $0.name == place.name }
  }

  // MARK: - Zones

  /// Returns the zone of a name, and the target of its CNAME, if any.
  private func descend(to name: String) async throws -> (DNSZone, String?) {
    var zone = try await enclosingZone(of: name)
    for _ in 0..<Self.longestChain {
      let response = try await ask(zone, name, .cname)
      for record in response.answers where record.name == name && record.type == .cname {
        if case .name(let target) = record.content { return (zone, target) }
      }
      // The servers of a zone often serve its child zones too.
      let below = response.authority.first { record in
        guard [.soa, .ns].contains(record.type), record.name != zone.name else { return false }
        return DNSName.isIn(record.name, zone.name) && DNSName.isIn(name, record.name)
      }
      guard let below else { return (zone, nil) }
      zone = try await self.zone(below.name, referral: response)
    }
    throw failure("cannot find the zone of \(name): too many delegations")
  }

  /// Top-level domains of private networks: RFC 6761, RFC 8375, ICANN's "internal", common usage.
  private static let ownZones: Set<String> = [
    "test", "local", "localhost", "localdomain", "lan", "home", "internal", "intranet", "private",
    "corp", "arpa",
  ]

  /// Returns the registered domain of a name; the first call reads the public suffix list.
  @Disk private static func registeredDomain(of name: String) -> String {
    RegisteredDomain.key(of: .dns(name))
  }

  /// Returns a zone that the resolver knows; the name is in it or in one of its child zones.
  private func enclosingZone(of name: String) async throws -> DNSZone {
    let key = await Self.registeredDomain(of: name)
    // The resolver must not be queried for "_acme-challenge.web.de", which can be the key itself.
    let top = key == name && key.hasPrefix("_") ? DNSName.parent(of: key) ?? key : key
    let response = try await resolve(top, .soa)
    let start =
      response.answers.first { $0.type == .soa && $0.name == top }
      ?? response.authority.first { $0.type == .soa && DNSName.isIn(top, $0.name) }
    let isUnknown = response.code == DNSResponse.noSuchName
    guard let start, !start.name.isEmpty,
      // NXDOMAIN from a top-level domain means that the domain is not registered. The single-label
      // zone of a private network may still have the name further down.
      !isUnknown || start.name.contains(".") || Self.ownZones.contains(start.name)
    else {
      throw failure(
        isUnknown
          ? "the domain \(top) does not exist in the DNS"
          : "cannot find the zone of \(top): the resolver returned no SOA record "
            + "(\(response.codeText))",
        hint: isUnknown
          ? "check the spelling and the registration of the domain"
          : "use another resolver: --dns-resolver ADDRESS")
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
          ? "cannot find the name servers of \(zone): the resolver returned no NS records"
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

  // MARK: - Queries

  /// Queries the resolvers in turn until one answers.
  nonisolated func resolve(_ name: String, _ type: DNSType) async throws -> DNSResponse {
    var last: (any Error)?
    for resolver in resolvers {
      do {
        let response = try await client.ask(name, type, at: resolver, isRecursive: true)
        if Self.isUsable(response) { return response }
        last = failure(
          "cannot resolve \(name): the resolver \(resolver) returned \(response.codeText)")
      } catch let error as HostError {
        last = failure(
          error.code == .missingLibrary
            ? "cannot resolve \(name): \(error)"
            : "cannot resolve \(name): resolver \(resolver): \(error.detail ?? "\(error)")",
          hint: error.code == .missingLibrary
            ? error.hint : "use another resolver: --dns-resolver ADDRESS")
      }
    }
    throw last ?? failure("cannot resolve \(name): no resolver is configured")
  }

  /// Queries the zone's name servers, or the resolver if they are out of reach and this is allowed.
  func ask(_ zone: DNSZone, _ name: String, _ type: DNSType) async throws -> DNSResponse {
    guard mayAskResolver else { return try await askInTurn(zone, name, type) }
    if !outOfReach.contains(zone.name) {
      if let response = try await askAtOnce(zone, name, type) { return response }
      outOfReach.insert(zone.name)
    }
    return try await resolve(name, type)
  }

  /// Queries the zone's name servers concurrently and returns the first usable response, if any.
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

  /// Queries the zone's name servers in turn until one answers.
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
            ? "is not authoritative for the zone" : "returned \(response.codeText)"
          troubles.append("\(server.name) (\(endpoint)) \(words)")
        } catch let error as HostError {
          troubles.append("\(server.name) (\(endpoint)): \(error.detail ?? error.description)")
        }
      }
    }
    throw failure(
      "cannot query the name servers of \(zone.name) for \(name): "
        + troubles.joined(separator: "; "),
      hint:
        "allow UDP and TCP to port \(port) of these name servers, or query the resolver instead "
        + "with --dns-check resolver")
  }

  private static func isUsable(_ response: DNSResponse) -> Bool {
    response.code == DNSResponse.noError || response.code == DNSResponse.noSuchName
  }

  /// Returns whether the server is lame: not authoritative, and without a referral downwards.
  private static func isLame(_ response: DNSResponse, _ zone: DNSZone) -> Bool {
    !response.isAuthoritative && response.answers.isEmpty
      && !response.authority.contains { DNSName.isIn($0.name, zone.name) }
  }

  private nonisolated func failure(_ what: String, hint: String? = nil) -> CertctlError {
    CertctlError(.challengeFailed, what, hint: hint, isRetryable: false)
  }
}

/// A zone and its name servers.
package struct DNSZone: Sendable, Hashable {
  /// The name of the zone.
  package let name: String
  /// The name servers.
  let servers: [NameServer]
}

/// A name server.
struct NameServer: Sendable, Hashable {
  /// The host name.
  let name: String
  /// The IPv4 and IPv6 addresses, with the port.
  let endpoints: [Endpoint]
}

/// The location of a record.
package struct RecordLocation: Sendable, Hashable {
  /// The name of the record, after all CNAMEs.
  package let name: String
  /// The zone that contains it.
  package let zone: DNSZone
  /// The names of the CNAME chain, including the first.
  let chain: [String]
}
