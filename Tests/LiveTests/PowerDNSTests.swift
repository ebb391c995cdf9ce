import CertctlCore
import CertctlDNS
import CertctlHTTP
import CertctlSystem
import TestSupport
import Testing

/// The PowerDNS provider against a real server.
@Suite(.timeLimit(.minutes(15)))
struct PowerDNSTests {
  static let name = "_acme-challenge.example.com"
  static let deep = "_acme-challenge.a.b.example.com"
  static let records = [
    ChallengeRecord(name: name, value: String(repeating: "A", count: 43), domain: "example.com"),
    ChallengeRecord(name: name, value: String(repeating: "B", count: 43), domain: "example.com"),
    ChallengeRecord(
      name: deep, value: String(repeating: "C", count: 43), domain: "a.b.example.com"),
  ]

  @Test(.needsPowerDNS, arguments: ["NATIVE", "MASTER"])
  func `records are added beside foreign ones, and only they are removed`(_ kind: String)
    async throws
  {
    try await PowerDNSServer.run(zone: "example.com", kind: kind) { server in
      try await server.manage(
        "add-record", "example.com", "_acme-challenge", "TXT", "300", "\"somebody else's\"")
      let provider = try Self.provider(server)
      for _ in 1...2 { try await provider.publish(Self.records, in: "example.com") }
      let values = Self.records.map(\.value)
      #expect(
        try await server.texts(of: Self.name) == [values[0], values[1], "somebody else's"])
      #expect(try await server.texts(of: Self.deep) == [values[2]])

      try await provider.remove([Self.records[0]], in: "example.com")
      #expect(try await server.texts(of: Self.name) == [values[1], "somebody else's"])
      for _ in 1...2 { try await provider.remove(Self.records, in: "example.com") }
      #expect(try await server.texts(of: Self.name) == ["somebody else's"])
      #expect(try await server.texts(of: Self.deep) == [])
    }
  }

  @Test(.needsPowerDNS)
  func `a wrong API key and a missing zone are reported`() async throws {
    try await PowerDNSServer.run(zone: "example.com") { server in
      let wrong = try Self.provider(server, key: "another-api-key")
      let refused = await #expect(throws: CertctlError.self) {
        try await wrong.publish(Self.records, in: "example.com")
      }
      expectError(refused, hint: "PDNS_API_KEY")
      #expect(refused?.description.contains("another-api-key") == false)

      let provider = try Self.provider(server)
      let missing = await #expect(throws: CertctlError.self) {
        try await provider.publish(Self.records, in: "example.org")
      }
      expectError(missing, mentions: "has no zone example.org")
    }
  }

  private static func provider(
    _ server: PowerDNSServer, key: String = PowerDNSServer.key
  ) throws -> PowerDNS {
    var environment = Environment.failing
    environment.http = { _ in
      CurlHTTPClient(.init(userAgent: "certctl-tests", timeout: .seconds(20), usesProxy: false))
    }
    return try PowerDNS(
      DNSProviderContext(
        PowerDNS.descriptor, values: ["PDNS_API_KEY": key, "PDNS_API_URL": server.apiURL],
        environment: environment))
  }
}

extension Trait where Self == ConditionTrait {
  /// A real PowerDNS and its tools.
  fileprivate static var needsPowerDNS: Self {
    .requires("pdns_server", "pdnsutil", "sqlite3", "dig")
  }
}
