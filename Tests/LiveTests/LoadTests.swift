import FoundationEssentials
import HostIO
import PKI
import TestSupport
import Testing

/// Renewals while clients ask: a reload loses nothing.
@Suite(.timeLimit(.minutes(5)), .serialized)
struct LoadTests {
  private static let renewals = 10

  @Test(.needsPebble, .needsNginx)
  func `ten renewals under load lose no connect, no handshake and no fresh request`() async throws {
    let counts = try await renewUnderLoad(nginx: "nginx", directives: "")
    expectNothingLost(counts)
    // This nginx cannot avoid these: it closes what is idle when its workers go.
    report(counts, "the system's nginx")
  }

  @Test(.needsPebble, .requires(NewestNginx.path))
  func `the newest nginx with keepalive_min_timeout does not even race with idle connections`()
    async throws
  {
    let counts = try await renewUnderLoad(
      nginx: NewestNginx.path, directives: "keepalive_min_timeout 10s;")
    expectNothingLost(counts)
    #expect(counts.races == 0 && counts.closedIdle == 0)
    report(counts, "the newest nginx")
  }

  private func expectNothingLost(
    _ counts: LoadClient.Counts, place: SourceLocation = #_sourceLocation
  ) {
    let errors = "\(counts): \(counts.errors)"
    #expect(counts.failedConnects == 0, "\(errors)", sourceLocation: place)
    #expect(counts.failedHandshakes == 0, "\(errors)", sourceLocation: place)
    #expect(counts.failedFresh == 0, "\(errors)", sourceLocation: place)
    #expect(counts.failedKept == 0, "\(errors)", sourceLocation: place)
    // Or there was no load.
    #expect(counts.requests > 1000 && counts.handshakes > 300, "\(errors)", sourceLocation: place)
  }

  private func report(_ counts: LoadClient.Counts, _ what: String) {
    print("\(what), \(Self.renewals) renewals under load: \(counts)")
    Attachment.record("\(counts)\n\(counts.errors.joined(separator: "\n"))\n", named: "load.txt")
  }

  /// Issues a certificate, lets nginx serve it, and renews it ten times while clients ask.
  private func renewUnderLoad(
    nginx executable: String, directives: String
  ) async throws -> LoadClient.Counts {
    try await LiveHost.run { host in
      let tlsPort = try FreePort.pick()
      let secure = secureServer(host, tlsPort)
      return try await NginxServer.run(
        http: directives + plainServer(host), ports: [host.pebble.httpPort], executable: executable
      ) {
        try $0.makeFolder("web")
      } _: { nginx in
        let options = ["--webroot", nginx.folder.path("web")]
        try await host.issue(["example.com"], by: options).requireSuccess("issue")
        try await nginx.reload(http: directives + plainServer(host) + secure)
        let client = LoadClient(
          endpoint: Endpoint(host: "127.0.0.1", port: tlsPort), serverName: "example.com",
          trust: try TrustStore(pem: [UInt8](try await host.pebble.root().utf8)))
        let run = try await client.run {
          var leaves = [try host.leaf("example.com")]
          for _ in 0..<Self.renewals {
            try await host.issue(["example.com"], by: options + ["--force"])
              .requireSuccess("the renewal")
            leaves.append(try host.leaf("example.com"))
          }
          return leaves
        }
        // The clients have met each certificate, so each renewal took place under their load.
        #expect(run.counts.leaves == run.result)
        return run.counts
      }
    }
  }

  private func plainServer(_ host: LiveHost) -> String {
    """
    server {
      listen 127.0.0.1:\(host.pebble.httpPort);
      location ^~ /.well-known/acme-challenge/ { root web; }
      location / { return 308 https://$host$request_uri; }
    }

    """
  }

  private func secureServer(_ host: LiveHost, _ port: Int) -> String {
    let live = host.folder.path("state/live/example.com")
    return """
      server {
        listen 127.0.0.1:\(port) ssl;
        ssl_certificate \(live)/fullchain.pem;
        ssl_certificate_key \(live)/privkey.pem;
        location / { return 200 "here"; }
      }

      """
  }
}
