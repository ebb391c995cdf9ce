import TestSupport
import Testing

/// Tests of the servers that other tests rely on.
@Suite(.timeLimit(.minutes(15)))
struct ServerTests {
  @Test(.requires("pebble", "pebble-challtestsrv", "openssl", "curl"))
  func `Pebble serves its directory and its roots`() async throws {
    let configuration = Pebble.Configuration { $0.alternateRoots = 1 }
    try await Pebble.run(configuration) { pebble in
      let directory = try await fetch(pebble.directoryURL, trusting: pebble.caBundlePath)
      #expect(directory.contains("newOrder"))
      let roots = [try await pebble.root(0), try await pebble.root(1)]
      #expect(roots.allSatisfy { TLSProbe.certificates(in: $0).count == 1 })
      #expect(roots[0] != roots[1])
      #expect(pebble.requests == ["GET /dir"])
    }
  }

  @Test(.requires("pebble", "pebble-challtestsrv", "openssl", "curl"))
  func `Pebble requires an external account when it has external account keys`() async throws {
    let configuration = Pebble.Configuration {
      $0.externalAccountKeys = ["kid": "c2VjcmV0LXNlY3JldC1zZWNyZXQ"]
    }
    try await Pebble.run(configuration) { pebble in
      let directory = try await fetch(pebble.directoryURL, trusting: pebble.caBundlePath)
      #expect(directory.contains(#""externalAccountRequired": true"#))
    }
  }

  @Test(.requires("pebble", "pebble-challtestsrv", "nginx", "openssl", "curl"))
  func `the proxy counts requests and connections`() async throws {
    try await Pebble.run { pebble in
      try await LoggingProxy.run(to: pebble) { proxy in
        let text = try await fetch(proxy.directoryURL, trusting: proxy.caBundlePath)
        let base = proxy.directoryURL.dropLast("/dir".count)
        #expect(text.contains("\"\(base)/nonce-plz\""))
        _ = try await fetch("\(base)/nonce-plz", trusting: proxy.caBundlePath)
        try await poll("the log") { proxy.requests.count == 2 }
        #expect(proxy.requests.map(\.path) == ["/dir", "/nonce-plz"])
        #expect(proxy.requests.map(\.status) == [200, 204])
        #expect(proxy.requests.allSatisfy { $0.httpVersion == "HTTP/2.0" && $0.method == "GET" })
        #expect(proxy.connectionCount == 2)
        #expect(proxy.mostConnectionsAtOnce == 1)
        try proxy.forgetRequests()
        #expect(proxy.requests.isEmpty)
      }
    }
  }

  @Test(.requires("pebble-challtestsrv", "dig", "curl"))
  func `the DNS server returns the records that were set`() async throws {
    try await ChallengeTestServer.run { dns in
      try await dns.setTXT("_acme-challenge.example.com", "value")
      try await dns.setA("other.example.com", ["127.0.0.2"])
      try await dns.setCNAME("alias.example.com", to: "example.com")
      #expect(try await dig(dns, "example.com", "A") == "127.0.0.1\n")
      #expect(try await dig(dns, "example.com", "AAAA") == "")
      #expect(try await dig(dns, "other.example.com", "A") == "127.0.0.2\n")
      #expect(try await dig(dns, "_acme-challenge.example.com", "TXT") == "\"value\"\n")
      #expect(try await dig(dns, "alias.example.com", "CNAME") == "example.com.\n")
      try await dns.clearTXT("_acme-challenge.example.com")
      #expect(try await dig(dns, "_acme-challenge.example.com", "TXT") == "")
    }
  }

  private func dig(
    _ dns: ChallengeTestServer, _ name: String, _ type: String
  ) async throws -> String {
    let port = dns.dnsAddress.split(separator: ":").last.map(String.init) ?? ""
    let arguments = ["+short", "+tries=1", "+time=5", "@127.0.0.1", "-p", port, name, type]
    return try await Program("dig", arguments).run().requireSuccess("dig").standardOutput
  }

  @Test(.requires("nginx", "curl"))
  func `nginx serves files and loads a new configuration`() async throws {
    let port = try FreePort.pick()
    let server = { (answer: String) in
      """
      server { listen 127.0.0.1:\(port); location / { root web; }
        location = /which { return 200 \(answer); } }
      """
    }
    try await NginxServer.run(http: server("one"), ports: [port]) {
      try $0.write("web/hello", "hi")
    } _: { nginx in
      #expect(try await fetch("http://127.0.0.1:\(port)/hello") == "hi")
      #expect(try await fetch("http://127.0.0.1:\(port)/which") == "one")
      try await nginx.reload(http: server("two"))
      #expect(try await fetch("http://127.0.0.1:\(port)/which") == "two")
      await #expect(throws: HarnessError.self) { try await nginx.reload(http: "nonsense") }
      #expect(try await fetch("http://127.0.0.1:\(port)/which") == "two")
      #expect(nginx.accessLog.contains("GET /hello"))
    }
  }

  @Test(.requires("nginx", "openssl"))
  func `the probe returns the served chain and trusts only its root`() async throws {
    try await withTemporaryFolder { folder in
      let pair = try await ServerCertificate.make(in: folder, names: ["example.com"])
      let port = try FreePort.pick()
      let http = """
        server { listen 127.0.0.1:\(port) ssl;
          ssl_certificate \(pair.certificatePath); ssl_certificate_key \(pair.keyPath); }
        """
      try await NginxServer.run(http: http, ports: [port]) { _ in
        let good = try await TLSProbe.connect(
          port: port, serverName: "example.com", trusting: pair.certificatePath)
        #expect(good.isTrusted)
        #expect(good.chain == [folder.read("server.pem")])
        let wrongName = try await TLSProbe.connect(
          port: port, serverName: "example.org", trusting: pair.certificatePath)
        #expect(!wrongName.isTrusted)
        #expect(wrongName.chain == good.chain)
      }
    }
  }
}
