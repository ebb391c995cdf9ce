import CertctlBase
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

/// Renewals under client load: a reload loses no request.
@Suite(.timeLimit(.minutes(15)), .serialized)
struct LoadTests {
  private static let renewals = 10

  @Test(.needsPebble, .needsNginx)
  func `ten renewals under load lose no connection, handshake or fresh request`() async throws {
    let counts = try await LiveHost.run { host in
      let tlsPort = try FreePort.pick()
      let plain = host.plainServer
      return try await NginxServer.run(http: plain, ports: [host.pebble.httpPort]) {
        try $0.makeFolder("web")
      } _: { nginx in
        let options = ["--webroot", nginx.folder.path("web")]
        try await host.issue(["example.com"], by: options).requireSuccess("issue")
        try await nginx.reload(http: plain + host.secureServer(tlsPort, #"200 "here""#))
        return try await renewals(of: host, at: tlsPort) {
          try await host.issue(["example.com"], by: options + ["--force"])
            .requireSuccess("the renewal")
        }
      }
    }
    expectNothingLost(counts)
    // Lost idle connections are tolerated: this nginx closes them when its workers exit.
    report(counts, "the system's nginx")
  }

  @Test(.needsPebble, .requires(PythonPrograms.nginx))
  func `a site on the newest nginx does not lose idle connections either`() async throws {
    try await SiteHost.run(executable: PythonPrograms.nginx) { site in
      try await site.add("example.com").requireSuccess("site add")
      // Because of keepalive_min_timeout, which certctl writes if nginx supports it.
      let counts = try await renewals(of: site.host, at: site.tlsPort) {
        try await site.host.certctl.run(["renew", "--force"]).requireSuccess("the renewal")
      }
      expectNothingLost(counts)
      #expect(counts.races == 0 && counts.closedIdle == 0)
      report(counts, "a site on the newest nginx")
    }
  }

  private func expectNothingLost(
    _ counts: LoadClient.Counts, place: SourceLocation = #_sourceLocation
  ) {
    let errors = "\(counts): \(counts.errors)"
    #expect(counts.failedConnects == 0, "\(errors)", sourceLocation: place)
    #expect(counts.failedHandshakes == 0, "\(errors)", sourceLocation: place)
    #expect(counts.failedFresh == 0, "\(errors)", sourceLocation: place)
    #expect(counts.failedKept == 0, "\(errors)", sourceLocation: place)
    // Otherwise there was no load.
    #expect(counts.requests > 1000 && counts.handshakes > 300, "\(errors)", sourceLocation: place)
  }

  private func report(_ counts: LoadClient.Counts, _ what: String) {
    print("\(what), \(Self.renewals) renewals under load: \(counts)")
    Attachment.record("\(counts)\n\(counts.errors.joined(separator: "\n"))\n", named: "load.txt")
  }

  /// Renews ten times under load, and returns what the clients counted.
  private func renewals(
    of host: LiveHost, at port: Int, by renew: () async throws -> Void
  ) async throws -> LoadClient.Counts {
    let client = LoadClient(
      endpoint: Endpoint(host: "127.0.0.1", port: port), serverName: "example.com",
      trust: try TrustStore(pem: [UInt8](try await host.pebble.root().utf8)))
    let run = try await client.run {
      var leaves = [try host.leaf("example.com")]
      for _ in 0..<Self.renewals {
        try await renew()
        leaves.append(try host.leaf("example.com"))
      }
      return leaves
    }
    // The clients saw each certificate, so each renewal happened under load.
    #expect(run.counts.leaves == run.result)
    return run.counts
  }
}
