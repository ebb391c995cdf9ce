import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlServing

/// Unknown upstreams, upstream names, websockets and mixed policies, in all nginx versions.
@Suite(
  .requires(
    "nginx", PythonPrograms.nginx, "openssl", "curl", "python3", "pebble-challtestsrv"),
  .timeLimit(.minutes(10)))
struct SiteUpstreamTests {
  @Test(arguments: SiteNginx.allCases)
  func `an unresolvable upstream does not keep nginx from starting`(_ kind: SiteNginx) async throws
  {
    try await RenderedSiteHost.run(kind) { _, ports in
      [
        try .sample("a.test", to: "http://nobody.invalid:8080", ports.settings),
        try .sample("b.test", to: "http://one.invalid,http://two.invalid", ports.settings),
        try .sample("c.test", to: "http://127.0.0.1:\(ports.application)", ports.settings),
      ]
    } _: { host in
      #expect(try await host.get("https://c.test/").standardOutput.contains(" 200"))
      for name in ["a.test", "b.test"] {
        #expect(try await host.get("https://\(name)/").standardOutput.contains(" 502"))
      }
      try await Program(
        kind.executable,
        [
          "-t", "-q", "-p", host.bench.folder.path, "-c", host.bench.folder.path("nginx.conf"),
          "-e", "stderr",
        ]
      ).run().requireSuccess("nginx -t")
    }
  }

  @Test(arguments: SiteNginx.allCases)
  func `upstream names are resolved while nginx runs`(_ kind: SiteNginx) async throws {
    try await ChallengeTestServer.run { dns in
      try await RenderedSiteHost.run(kind) { bench, ports in
        bench.machine.resolvers = [dns.dnsAddress]
        let port = ports.application
        return [
          try .sample(
            "a.test", to: "http://app.invalid:\(port)",
            locations: [
              "/api/=http://app.invalid:\(port)/base/",
              "/two/=http://app.invalid:\(port),http://other.invalid:\(port)",
            ], ports.settings)
        ]
      } _: { host in
        for (path, seen) in [
          ("/x?y", "/x?y"), ("/api/x%20y?z", "/base/x%20y?z"), ("/two/x", "/two/x"),
        ] {
          // The first lookup for a group runs concurrently with the first request.
          try await poll("an answer at \(path)") {
            try await host.get("https://a.test\(path)").standardOutput.contains(" 200")
          }
          let answer = try await host.get("https://a.test\(path)").standardOutput
          #expect(answer.contains("uri=\(seen) "), "\(answer)")
        }
      }
    }
  }

  /// A server that accepts websocket upgrades and echoes the bytes after the request.
  private static let echo = """
    import socket, sys
    server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    while True:
        peer, _ = server.accept()
        head = b""
        while b"\\r\\n\\r\\n" not in head:
            more = peer.recv(4096)
            if not more: break
            head += more
        good = b"upgrade: websocket" in head.lower() and b"connection: upgrade" in head.lower()
        if good:
            peer.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\n"
                         b"Connection: Upgrade\\r\\n\\r\\n")
            peer.sendall(b"echo " + peer.recv(100))
        elif head:
            peer.sendall(b"HTTP/1.1 400 Bad Request\\r\\nContent-Length: 0\\r\\n\\r\\n")
        peer.close()

    """

  @Test(arguments: SiteNginx.allCases)
  func `a connection upgrades to a websocket unless that is disabled`(
    _ kind: SiteNginx
  ) async throws {
    let port = try FreePort.pick()
    try await Program("python3", ["-c", Self.echo, "\(port)"]).serve(isReady: { _ in
      acceptsConnections(port)
    }) { _ in
      try await RenderedSiteHost.run(kind) { _, ports in
        [
          try .sample("a.test", to: "http://127.0.0.1:\(port)", ports.settings),
          try .sample("b.test", to: "http://127.0.0.1:\(port)") {
            ports.settings(&$0)
            $0.passesWebsockets = false
          },
        ]
      } _: { host in
        let head =
          "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nHost: "
        let open = try await Self.talk("a.test", "\(head)a.test\r\n\r\nhello", host.ports.https)
        #expect(open.contains("HTTP/1.1 101") && open.contains("echo hello"), "\(open)")
        let closed = try await host.get(
          "https://b.test/", "--http1.1", "-H", "Upgrade: websocket", "-H", "Connection: Upgrade")
        #expect(closed.standardOutput.hasPrefix("HTTP/1.1 400"), "\(closed)")
      }
    }
  }

  /// Sends text over TLS and returns the response.
  private static func talk(_ name: String, _ text: String, _ port: Int) async throws -> String {
    try await Program(
      "openssl",
      ["s_client", "-quiet", "-connect", "127.0.0.1:\(port)", "-servername", name, "-ign_eof"]
    ).run(within: .seconds(20), input: text).standardOutput
  }

  @Test(arguments: SiteNginx.allCases)
  func `sites with different TLS policies share an address`(_ kind: SiteNginx) async throws {
    try await RenderedSiteHost.run(kind) { _, ports in
      [
        try .sample("old.test", to: "http://127.0.0.1:\(ports.application)", ports.settings),
        try .sample("new.test") {
          ports.settings(&$0)
          $0.tls = .modern
        },
      ]
    } _: { host in
      for (name, version, works) in [
        ("old.test", "-tls1_2", true), ("old.test", "-tls1_3", true),
        ("new.test", "-tls1_2", false), ("new.test", "-tls1_3", true),
        ("old.test", "-tls1_1", false),
      ] {
        let result = try await Program(
          "openssl",
          [
            "s_client", "-connect", "127.0.0.1:\(host.ports.https)", "-servername", name, version,
            "-cipher", "ALL:@SECLEVEL=0",
          ]
        ).run(within: .seconds(20))
        let isServed = result.standardOutput.contains("-----BEGIN CERTIFICATE-----")
        #expect(isServed == works, "\(name) \(version): \(result)")
      }
    }
  }
}
