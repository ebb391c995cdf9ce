import CertctlBase
import CertctlDNSClient
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlDNS

/// Waiting for a zone's servers, on a test clock.
struct PropagationTests {
  private static let name = "_acme-challenge.example.test"
  private static let wanted = [Propagation.Wanted(name: name, values: ["one", "two"])]
  private static let all = DNSResponse(
    answers: [.txt(name, "one"), .txt(name, "two", ttl: 90), .txt(name, "foreign")])
  private static let none = DNSResponse(code: DNSResponse.noSuchName)

  private static func zone(_ servers: [[String]]) -> DNSZone {
    DNSZone(
      name: "example.test",
      servers: servers.enumerated().map { index, hosts in
        NameServer(
          name: "ns\(index + 1).example.test",
          endpoints: hosts.map { Endpoint(host: $0, port: 53) })
      })
  }

  private func wait(
    _ dns: ScriptedDNS, _ servers: [[String]], _ clock: TestClock, limit: Int = 60
  ) async throws -> [String: UInt32] {
    try await Propagation(client: dns, clock: clock.wall, limit: limit)
      .wait(for: Self.wanted, at: Self.zone(servers))
  }

  private func failure(
    _ dns: ScriptedDNS, _ servers: [[String]], _ clock: TestClock
  ) async -> String {
    let error = await #expect(throws: CertctlError.self) {
      try await wait(dns, servers, clock)
    }
    #expect(error?.code == .challengeFailed)
    #expect(error?.isRetryable == true)
    // The wait exceeds the limit by at most one pause per address.
    #expect(clock.waited >= 60)
    let addresses = servers.joined().count
    #expect(clock.waited <= 60 + Double(addresses) * Propagation.pauses.longest)
    return error?.message ?? ""
  }

  @Test func `servers that have all records need no wait`() async throws {
    let dns = ScriptedDNS()
    let clock = TestClock()
    for host in ["192.0.2.1", "192.0.2.2"] { dns.set(host, Self.name, .txt, Self.all) }
    let ttls = try await wait(dns, [["192.0.2.1"], ["192.0.2.2"]], clock)
    #expect(ttls == [Self.name: 90])
    #expect(clock.waits.isEmpty)
    #expect(dns.log.count == 2)
    #expect(dns.recursive.isEmpty)
  }

  @Test func `late servers are queried again, a server with all records is not`() async throws {
    let dns = ScriptedDNS()
    let clock = TestClock()
    let half = DNSResponse(answers: [.txt(Self.name, "one")])
    dns.set("192.0.2.1", Self.name, .txt, Self.all)
    dns.set("192.0.2.2", Self.name, .txt, Self.none, Self.none, Self.all)
    // Old values, then some of the new ones, then all.
    let old = DNSResponse(answers: [.txt(Self.name, "old")])
    dns.set("192.0.2.3", Self.name, .txt, old, half, half, Self.all)
    _ = try await wait(dns, [["192.0.2.1"], ["192.0.2.2"], ["192.0.2.3"]], clock)
    let asked = Dictionary(grouping: dns.log, by: \.server).mapValues(\.count)
    #expect(asked == ["192.0.2.1": 1, "192.0.2.2": 3, "192.0.2.3": 4])
    // Pauses are short at first, to lose little time.
    #expect(clock.waits.count == 5)
    #expect(clock.waited < 3)
  }

  @Test func `an unreachable address is ignored if another of the same server answers`()
    async throws
  {
    let dns = ScriptedDNS()
    let clock = TestClock()
    dns.set("192.0.2.1", Self.name, .txt, Self.none, Self.none, Self.all)
    _ = try await wait(dns, [["192.0.2.1", "2001:db8::1"]], clock)
    #expect(clock.waited < 60)
    // An address that answers without the records counts: the CA may query it.
    dns.set("192.0.2.1", Self.name, .txt, Self.all)
    dns.set("2001:db8::1", Self.name, .txt, Self.none)
    let words = await failure(dns, [["192.0.2.1", "2001:db8::1"]], TestClock())
    #expect(words.contains("ns1.example.test ([2001:db8::1]:53) has no \(Self.name) yet"))
    #expect(!words.contains("192.0.2.1"), "\(words)")
  }

  @Test func `a timeout reports each server's last answer`() async throws {
    let dns = ScriptedDNS()
    let hosts = (1...7).map { "192.0.2.\($0)" }
    dns.set(hosts[0], Self.name, .txt, Self.all)
    dns.set(hosts[1], Self.name, .txt, Self.none)
    dns.set(hosts[2], Self.name, .txt, nil)
    dns.set(hosts[3], Self.name, .txt, DNSResponse(code: 5))
    dns.set(hosts[4], Self.name, .txt, DNSResponse(isAuthoritative: false))
    dns.set(hosts[5], Self.name, .txt, DNSResponse(answers: [.txt(Self.name, "two")]))
    // TXT records of another name do not count.
    dns.set(
      hosts[6], Self.name, .txt,
      DNSResponse(answers: [.txt("a.test", "one"), .txt("a.test", "two")]))
    let words = await failure(dns, hosts.map { [$0] } + [[]], TestClock())
    #expect(!words.contains("ns1.example.test"), "\(words)")
    for expected in [
      "ns2.example.test (192.0.2.2:53) has no \(Self.name) yet",
      "ns3.example.test (192.0.2.3:53) does not answer (no answer)",
      "ns4.example.test (192.0.2.4:53) returned REFUSED",
      "ns5.example.test (192.0.2.5:53) is not authoritative for the zone",
      "ns6.example.test (192.0.2.6:53) has 1 of 2 values of \(Self.name)",
      "ns7.example.test (192.0.2.7:53) has 0 of 2 values of \(Self.name)",
      "ns8.example.test has no address", "after 60 s",
    ] {
      #expect(words.contains(expected), "\(expected): \(words)")
    }
  }

  @Test func `a server that later loses its records is not queried again`() async throws {
    let dns = ScriptedDNS()
    dns.set("192.0.2.1", Self.name, .txt, Self.all, Self.none)
    dns.set("192.0.2.2", Self.name, .txt, nil, nil, nil, Self.all)
    _ = try await wait(dns, [["192.0.2.1"], ["192.0.2.2"]], TestClock())
    #expect(dns.log.count { $0.server == "192.0.2.1" } == 1)
  }

  @Test func `pauses grow up to the maximum`() async throws {
    let clock = TestClock()
    _ = await failure(ScriptedDNS(), [["192.0.2.1"]], clock)
    let pauses = clock.waits
    #expect(pauses.first == .seconds(Propagation.pauses.shortest))
    #expect(pauses.last == .seconds(Propagation.pauses.longest))
    #expect(zip(pauses, pauses.dropFirst()).allSatisfy { $0 <= $1 })
  }

  @Test func `cancellation ends the wait at once`() async throws {
    let dns = ScriptedDNS()
    let zone = Self.zone([["192.0.2.1"], ["192.0.2.2"]])
    let clock = WallClock(now: { Date() }, sleep: { _ in try await Task.sleep(for: .seconds(600)) })
    let task = Task {
      try await Propagation(client: dns, clock: clock, limit: 600)
        .wait(for: Self.wanted, at: zone)
    }
    try await poll("both are asked", within: .seconds(60)) { dns.log.count == 2 }
    let start = ContinuousClock().now
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(ContinuousClock().now - start < .seconds(60))
  }

  @Test func `a missing library is an error, not a silent server`() async throws {
    struct Missing: DNSClient {
      func ask(
        _ name: String, _ type: DNSType, at server: Endpoint, isRecursive: Bool
      ) async throws -> DNSResponse {
        throw HostError(.missingLibrary, operation: "load")
      }
      func send(_ message: [UInt8], to server: Endpoint) async throws -> [UInt8] { [] }
    }
    let error = await #expect(throws: HostError.self) {
      try await Propagation(client: Missing(), clock: TestClock().wall, limit: 1)
        .wait(for: Self.wanted, at: Self.zone([["192.0.2.1"]]))
    }
    #expect(error?.code == .missingLibrary)
  }
}
