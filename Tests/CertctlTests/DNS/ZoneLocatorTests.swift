import CertctlBase
import CertctlDNSClient
import CertctlSystem
import Testing

@testable import CertctlCore
@testable import CertctlDNS

/// Locating the zone of a challenge record in different DNS setups.
struct ZoneLocatorTests {
  private static let challenge = "_acme-challenge.example.test"
  private static let zone = "example.test"
  private static let none = DNSResponse(code: DNSResponse.noSuchName, authority: [.soa(zone)])

  /// A DNS with the zone and two servers.
  ///
  /// The first reports that the challenge name does not exist.
  private static func plain() -> ScriptedDNS {
    let dns = ScriptedDNS()
    dns.addZone(zone, ["ns1.example.test": ["192.0.2.1"], "ns2.example.test": ["192.0.2.2"]])
    dns.set("192.0.2.1", challenge, .cname, none)
    return dns
  }

  private func place(_ dns: ScriptedDNS, of name: String = challenge) async throws -> RecordLocation
  {
    let view = ZoneLocator(
      client: dns, resolvers: [Endpoint(host: ScriptedDNS.resolver, port: 53)])
    defer {
      // The resolver would cache that the name does not exist, and the CA may use that resolver.
      let asked = dns.log.filter { $0.server == ScriptedDNS.resolver }.map(\.name)
      #expect(!asked.contains { $0.hasPrefix("_") }, "\(asked)")
      #expect(dns.recursive.isSubset(of: [ScriptedDNS.resolver]))
    }
    return try await view.place(of: name)
  }

  private func failure(_ dns: ScriptedDNS, of name: String = challenge) async throws -> String {
    let error = await #expect(throws: CertctlError.self) { try await place(dns, of: name) }
    #expect(error?.code == .challengeFailed)
    return error?.message ?? ""
  }

  @Test func `the servers of the enclosing zone are queried for a name`() async throws {
    let dns = Self.plain()
    let place = try await place(dns)
    #expect(place.name == Self.challenge)
    #expect(place.zone.name == Self.zone)
    #expect(
      place.zone.servers == [
        NameServer(name: "ns1.example.test", endpoints: [Endpoint(host: "192.0.2.1", port: 53)]),
        NameServer(name: "ns2.example.test", endpoints: [Endpoint(host: "192.0.2.2", port: 53)]),
      ])
    #expect(place.chain == [Self.challenge])
    #expect(!dns.log.contains { $0.server == "192.0.2.2" })
  }

  @Test func `if no server is reachable, the resolver is queried where allowed`() async throws {
    let dns = ScriptedDNS()
    let (below, target) = ("dep.example.test", "x.other.test")
    let name = "_acme-challenge.\(below)"
    dns.addZone(Self.zone, ["ns1.example.test": ["192.0.2.1"], "ns2.example.test": ["192.0.2.2"]])
    dns.addZone(below, ["ns3.example.test": ["192.0.2.3"]])
    dns.addZone("other.test", ["ns.other.test": ["192.0.2.4"]])
    // The SOA in the resolver's answer leads to the zone that contains the name.
    dns.set(
      ScriptedDNS.resolver, name, .cname,
      DNSResponse(code: DNSResponse.noSuchName, authority: [.soa(below)]))
    dns.set(
      ScriptedDNS.resolver, Self.challenge, .cname,
      DNSResponse(answers: [.cname(Self.challenge, target)]))
    dns.set("192.0.2.4", target, .cname, DNSResponse(authority: [.soa("other.test")]))
    #expect(try await failure(dns, of: name).contains("ns2.example.test (192.0.2.2:53)"))

    let view = ZoneLocator(
      client: dns, resolvers: [Endpoint(host: ScriptedDNS.resolver, port: 53)],
      mayAskResolver: true)
    #expect(try await view.place(of: name).zone.name == below)
    let asked = dns.log.count
    let place = try await view.place(of: Self.challenge)
    #expect(place.name == target && place.zone.name == "other.test")
    // The servers of the first zone are not tried again. The server of the other zone is.
    let servers = Set(dns.log.dropFirst(asked).map(\.server))
    #expect(servers == [ScriptedDNS.resolver, "192.0.2.4"])
  }

  @Test func `if one server answers, the resolver is not queried for the challenge`() async throws {
    let dns = Self.plain()
    let view = ZoneLocator(
      client: dns, resolvers: [Endpoint(host: ScriptedDNS.resolver, port: 53)],
      mayAskResolver: true)
    #expect(try await view.place(of: Self.challenge).name == Self.challenge)
    #expect(
      !dns.log.contains { $0.server == ScriptedDNS.resolver && $0.name == Self.challenge })
  }

  @Test(arguments: ["_acme-challenge.web.de", "_acme-challenge.com.de", "_acme-challenge.a.b.de"])
  func `the resolver is not queried for a challenge name of any depth`(_ name: String) async throws
  {
    let dns = ScriptedDNS()
    for zone in ["web.de", "com.de", "b.de"] { dns.addZone(zone, ["ns.test": ["192.0.2.1"]]) }
    dns.set("192.0.2.1", name, .cname, DNSResponse(code: DNSResponse.noSuchName))
    _ = try await place(dns, of: name)
  }

  @Test func `a CNAME loop is reported with its chain`() async throws {
    let dns = Self.plain()
    let second = "_b.example.test"
    dns.set(
      "192.0.2.1", Self.challenge, .cname,
      DNSResponse(answers: [.cname(Self.challenge, second)]))
    dns.set(
      "192.0.2.1", second, .cname, DNSResponse(answers: [.cname(second, Self.challenge)]))
    let words = try await failure(dns)
    #expect(words.contains("\(Self.challenge) → \(second) → \(Self.challenge)"), "\(words)")
    dns.set(
      "192.0.2.1", Self.challenge, .cname,
      DNSResponse(answers: [.cname(Self.challenge, Self.challenge)]))
    #expect(try await failure(dns).contains("form a loop"))
  }

  @Test func `a chain of a hundred CNAMEs is an error`() async throws {
    let dns = Self.plain()
    let names = [Self.challenge] + (1...100).map { "_c\($0).example.test" }
    for (name, next) in zip(names, names.dropFirst()) {
      dns.set("192.0.2.1", name, .cname, DNSResponse(answers: [.cname(name, next)]))
    }
    #expect(try await failure(dns).contains("too long"))
    #expect(dns.log.count { $0.type == .cname } == ZoneLocator.longestChain)
  }

  @Test func `a CNAME into another zone is followed`() async throws {
    let dns = Self.plain()
    let target = "_x.other.test"
    dns.addZone("other.test", ["ns.other.test": ["192.0.2.9"]])
    dns.set(
      "192.0.2.1", Self.challenge, .cname, DNSResponse(answers: [.cname(Self.challenge, target)]))
    dns.set("192.0.2.9", target, .cname, DNSResponse(code: DNSResponse.noSuchName))
    let place = try await place(dns)
    #expect(place.zone.name == "other.test")
    #expect(place.chain == [Self.challenge, target])
  }

  @Test func `a CNAME with control characters is refused`() async throws {
    let dns = Self.plain()
    dns.set(
      "192.0.2.1", Self.challenge, .cname,
      DNSResponse(answers: [.cname(Self.challenge, "a\\032\u{1B}[2J.test")]))
    let words = try await failure(dns)
    #expect(words.contains("cannot follow the CNAME of \(Self.challenge)"), "\(words)")
    #expect(!words.unicodeScalars.contains("\u{1B}"))
  }

  @Test func `endless delegations are an error`() async throws {
    let dns = Self.plain()
    var zones = [Self.zone]
    for index in 0..<40 { zones.append("d\(index).\(zones[index])") }
    let name = "_acme-challenge.\(zones[40])"
    for (index, zone) in zones.enumerated() {
      let below = zones[min(index + 1, 40)]
      dns.addZone(zone, ["ns\(index).test": ["198.51.100.\(index)"]])
      dns.set(
        "198.51.100.\(index)", name, .cname,
        DNSResponse(isAuthoritative: false, authority: [.ns(below, "ns\(index + 1).test")]))
    }
    #expect(try await failure(dns, of: name).contains("too many delegations"))
    #expect(dns.log.count { $0.type == .cname } == ZoneLocator.longestChain)
  }

  @Test func `a delegation is followed down, never up or sideways`() async throws {
    let dns = Self.plain()
    let name = "_acme-challenge.a.sub.example.test"
    func answer(_ server: String, _ zone: String) {
      dns.set(
        server, name, .cname,
        DNSResponse(isAuthoritative: false, authority: [.ns(zone, "ns.sub.example.test")]))
    }
    answer("192.0.2.1", "sub.example.test")
    dns.addZone("sub.example.test", ["ns.sub.example.test": ["192.0.2.3"]])
    // A server that names its own zone again has no deeper zone.
    answer("192.0.2.3", "sub.example.test")
    #expect(try await place(dns, of: name).zone.name == "sub.example.test")
    // If a server delegates elsewhere, the next server is queried.
    for elsewhere in ["", "test", "other.test"] {
      answer("192.0.2.1", elsewhere)
      dns.set("192.0.2.2", name, .cname, Self.none)
      #expect(try await place(dns, of: name).zone.name == Self.zone, "\(elsewhere)")
    }
    dns.set("192.0.2.2", name, .cname, nil)
    let words = try await failure(dns, of: name)
    #expect(words.contains("ns1.example.test (192.0.2.1:53) is not authoritative"))
  }

  @Test func `if servers serve a zone and its subzone, the SOA decides`() async throws {
    let dns = Self.plain()
    let name = "_acme-challenge.a.sub.example.test"
    let shared = ["ns1.example.test": ["192.0.2.1"]]
    dns.addZone("sub.example.test", shared)
    dns.set(
      "192.0.2.1", name, .cname,
      DNSResponse(code: DNSResponse.noSuchName, authority: [.soa("sub.example.test")]))
    let place = try await place(dns, of: name)
    #expect(place.zone.name == "sub.example.test")
    #expect(place.zone.servers.map(\.name) == ["ns1.example.test"])
  }

  @Test func `a dead or refusing server is skipped, and named if all fail`() async throws {
    let dns = Self.plain()
    dns.set("192.0.2.2", Self.challenge, .cname, Self.none)
    for first in [nil, DNSResponse(code: 5), DNSResponse(code: 2)] {
      dns.set("192.0.2.1", Self.challenge, .cname, first)
      #expect(try await place(dns).zone.name == Self.zone)
    }
    dns.set("192.0.2.1", Self.challenge, .cname, DNSResponse(code: 5))
    dns.set("192.0.2.2", Self.challenge, .cname, nil)
    let words = try await failure(dns)
    #expect(words.contains("ns1.example.test (192.0.2.1:53) returned REFUSED"), "\(words)")
    #expect(words.contains("ns2.example.test (192.0.2.2:53): no answer"), "\(words)")
  }

  @Test func `a nonexistent domain and a failing resolver are reported`() async throws {
    let dns = ScriptedDNS()
    dns.set(
      ScriptedDNS.resolver, Self.zone, .soa,
      DNSResponse(code: DNSResponse.noSuchName, authority: [.soa("")]))
    #expect(try await failure(dns).contains("the domain example.test does not exist"))
    // A resolver that returns nothing, one that fails, one that does not answer.
    dns.set(ScriptedDNS.resolver, Self.zone, .soa, DNSResponse())
    #expect(try await failure(dns).contains("no SOA record"))
    dns.set(ScriptedDNS.resolver, Self.zone, .soa, DNSResponse(code: 2))
    #expect(try await failure(dns).contains("SERVFAIL"))
    dns.set(ScriptedDNS.resolver, Self.zone, .soa, nil)
    #expect(try await failure(dns).contains("no answer"))
  }

  @Test func `if the resolver knows no servers, the referral's servers and glue are used`()
    async throws
  {
    let dns = Self.plain()
    let name = "_acme-challenge.sub.example.test"
    dns.set(
      "192.0.2.1", name, .cname,
      DNSResponse(
        isAuthoritative: false, authority: [.ns("sub.example.test", "ns.sub.example.test")],
        additional: [
          .address("ns.sub.example.test", "192.0.2.7"), .address("evil.test", "192.0.2.66"),
        ]))
    dns.set("192.0.2.7", name, .cname, DNSResponse(code: DNSResponse.noSuchName))
    let zone = try await place(dns, of: name).zone
    #expect(zone.servers.map(\.name) == ["ns.sub.example.test"])
    #expect(zone.servers.flatMap(\.endpoints).map(\.host) == ["192.0.2.7"])
  }

  @Test func `servers without addresses and zones without servers are reported`() async throws {
    let dns = Self.plain()
    dns.setAddresses("ns1.example.test", [])
    dns.setAddresses("ns2.example.test", [])
    #expect(
      try await failure(dns).contains("have no addresses: ns1.example.test, ns2.example.test"))
    dns.set(ScriptedDNS.resolver, Self.zone, .ns, DNSResponse())
    #expect(try await failure(dns).contains("no NS records"))
    // A failed lookup is repeated.
    dns.addZone(Self.zone, ["ns1.example.test": ["192.0.2.1"]])
    #expect(try await place(dns).zone.name == Self.zone)
  }

  @Test func `the number of servers and addresses is limited`() async throws {
    let dns = ScriptedDNS()
    let addresses = (1...200).map { "198.51.100.\($0)" }
    dns.addZone(
      Self.zone, Dictionary(uniqueKeysWithValues: (100..<300).map { ("ns\($0).test", addresses) }))
    dns.set("198.51.100.1", Self.challenge, .cname, Self.none)
    let servers = try await place(dns).zone.servers
    #expect(servers.count == ZoneLocator.mostServers)
    #expect(servers.allSatisfy { $0.endpoints.count == ZoneLocator.mostServers })
  }
}
