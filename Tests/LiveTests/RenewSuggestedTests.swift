import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

/// `certctl renew` with renewal information (RFC 9773) from acme2certifier.
@Suite(.timeLimit(.minutes(15)))
struct RenewSuggestedTests {
  @Test(.needsAcme2Certifier)
  func `a window in the past renews immediately, with replaces in the order`() async throws {
    try await RenewalHost.run(.init { $0.window = .past }) { host in
      try await host.issue("example.com")
      let old = try host.leaf("example.com")
      let run = try await host.renew()
      #expect(run.exitCode == 0, "\(run)")
      #expect(run.outcomes == ["example.com": "renewed"], "\(run)")
      #expect(try host.leaf("example.com") != old)
      #expect(try host.server.orders.map(\.replaces) == [nil, CertificateID(old)?.rawValue])
      #expect(try host.server.orders.map(\.status) == [201, 201])
    }
  }

  @Test(.needsAcme2Certifier)
  func `a time in a future window is chosen once, and nothing is renewed before it`() async throws {
    let window = Acme2Certifier.Window(startPercent: 40, seconds: 3600)
    try await RenewalHost.run(.init { $0.window = window }) { host in
      try await host.issue("example.com")
      let leaf = try host.leaf("example.com")
      try host.server.proxy.forgetRequests()
      let first = try await host.renew("example.com")
      #expect(first.exitCode == 0, "\(first)")
      #expect(first.outcomes == ["example.com": "unchanged"], "\(first)")
      #expect(host.requests == ["GET acme/renewal-info"])
      let next = try #require(first.report["certificates"].array.first?["next"].string)
      // Without the window it would be due after two thirds of its lifetime.
      let start = leaf.notBefore.addingTimeInterval(
        leaf.notAfter.timeIntervalSince(leaf.notBefore) * 0.4)
      let instant = try Date(next, strategy: .iso8601)
      #expect((-1...3601).contains(instant.timeIntervalSince(start)), "\(next)")
      let second = try await host.renew("example.com")
      #expect(second.report["certificates"].array.first?["next"].string == next)
      #expect(try host.leaf("example.com") == leaf)
    }
  }

  @Test(.needsAcme2Certifier)
  func `the CA is not queried again before Retry-After has passed`() async throws {
    try await RenewalHost.run(.init { $0.retryAfter = 7200 }) { host in
      try await host.issue("example.com")
      _ = try await host.renew()
      try host.server.proxy.forgetRequests()
      #expect(try await host.renew().exitCode == 0)
      #expect(try await host.renew("example.com").exitCode == 0)
      #expect(host.requests == [])
    }
  }

  @Test(.needsAcme2Certifier, .requires("cc"))
  func `a window that moves into the past is noticed after Retry-After`() async throws {
    try await RenewalHost.run(.init { $0.retryAfter = 7200 }) { host in
      try await host.issue("example.com")
      let leaf = try host.leaf("example.com")
      #expect(try await host.renew().lineages("renewed") == [])
      // As in a mass revocation.
      try host.server.change(.init { $0.window = .past })
      try host.server.proxy.forgetRequests()
      let early = try await host.renew(later: .seconds(3600))
      #expect(early.exitCode == 0, "\(early)")
      #expect(host.requests == [])
      let late = try await host.renew(later: .seconds(3 * 3600))
      #expect(late.outcomes == ["example.com": "renewed"], "\(late)")
      #expect(host.requests.first == "GET acme/renewal-info", "\(host.requests)")
      #expect(try host.server.orders.last?.replaces == CertificateID(leaf)?.rawValue)
    }
  }

  @Test(.needsAcme2Certifier)
  func `a certificate that was already replaced is renewed without replaces`() async throws {
    try await RenewalHost.run(.init { $0.window = .past }) { host in
      try await host.issue("example.com")
      let backup = Program("cp", ["-a", host.folder.path("state"), host.folder.path("backup")])
      try await backup.run().requireSuccess("cp")
      #expect(try await host.renew().outcomes == ["example.com": "renewed"])
      // The disk is lost and the state restored from the backup.
      host.folder.remove("state")
      try await Program("mv", [host.folder.path("backup"), host.folder.path("state")]).run()
        .requireSuccess("mv")
      let old = try host.leaf("example.com")
      let run = try await host.renew()
      #expect(run.outcomes == ["example.com": "renewed"], "\(run)")
      let id = CertificateID(old)?.rawValue
      #expect(try host.server.orders.map(\.status) == [201, 201, 409, 201])
      #expect(try host.server.orders.map(\.replaces) == [nil, id, id, nil])
      #expect(try host.leaf("example.com") != old)
    }
  }
}
