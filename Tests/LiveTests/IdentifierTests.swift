import CertctlCrypto
import TestSupport
import Testing

/// Kinds of identifiers and their challenges.
@Suite(.timeLimit(.minutes(15)))
struct IdentifierTests {
  @Test(.needsPebble)
  func `a hundred names go into one order`() async throws {
    try await LiveHost.run { host in
      let names = (1...100).map { "n\($0).example.com" }
      let result = try await host.issue(names, by: host.standalone, within: .seconds(90))
      #expect(result.exitCode == 0, "\(result)")
      #expect(Set(try host.leaf("n1.example.com").dnsNames) == Set(names))
      #expect(try host.isPair("n1.example.com"))
      #expect(host.pebble.requests.count { $0 == "POST /order-plz" } == 1)
    }
  }

  @Test(.needsPebble, arguments: ["127.0.0.1", "::1"], ["http-01", "tls-alpn-01"])
  func `an IP address gets a certificate`(address: String, challenge: String) async throws {
    try await LiveHost.run { host in
      let options = [
        "--challenge", challenge, "--http-address", address,
        challenge == "http-01" ? "--http-port" : "--tls-port",
        "\(challenge == "http-01" ? host.pebble.httpPort : host.pebble.tlsPort)",
      ]
      let result = try await host.issue([address], by: options)
      #expect(result.exitCode == 0, "\(result)")
      #expect(try host.leaf(address).ipAddresses == [address])
      #expect(try host.leaf(address).dnsNames.isEmpty)
      #expect(try host.isPair(address))
    }
  }

  @Test(.needsPebble)
  func `addresses and names in any spelling share one certificate`() async throws {
    try await LiveHost.run { host in
      // Without --http-address, certctl listens on IPv4 and IPv6.
      let options = ["--http-port", "\(host.pebble.httpPort)"]
      let result = try await host.issue(
        ["Example.COM", "127.0.0.1", "0:0:0:0:0:0:0:1"], by: options)
      #expect(result.exitCode == 0, "\(result)")
      #expect(try host.leaf("example.com").dnsNames == ["example.com"])
      #expect(Set(try host.leaf("example.com").ipAddresses) == ["127.0.0.1", "::1"])
      let again = try await host.issue(["example.com", "127.0.0.1", "::1"], by: options)
      #expect(again.standardOutput.hasPrefix("Nothing to do"), "\(again)")
    }
  }

  @Test(.needsPebble)
  func `an internationalized name is the same in Unicode and in punycode`() async throws {
    try await LiveHost.run { host in
      let punycode = "xn--bcher-kva.example"
      let first = try await host.issue("Bücher.example")
      #expect(first.exitCode == 0, "\(first)")
      #expect(try host.leaf(punycode).dnsNames == [punycode])
      let second = try await host.issue(punycode)
      #expect(second.standardOutput.hasPrefix("Nothing to do"), "\(second)")
      #expect(host.entries("lineages") == ["\(punycode).json"])
      #expect(host.pebble.requests.count { $0 == "POST /order-plz" } == 1)
      let third = try await host.issue(punycode, options: ["--force"])
      #expect(third.exitCode == 0, "\(third)")
      #expect(host.entries("archive/\(punycode)") == ["0001", "0002"])
    }
  }

  @Test(.needsPebble)
  func `tls-alpn-01 validates several names with the built-in listener`() async throws {
    try await LiveHost.run { host in
      let result = try await host.issue(
        ["example.com", "www.example.com"],
        by: ["--challenge", "tls-alpn-01", "--tls-port", "\(host.pebble.tlsPort)"])
      #expect(result.exitCode == 0, "\(result)")
      #expect(try host.leaf("example.com").dnsNames.sorted() == ["example.com", "www.example.com"])
      #expect(!acceptsConnections(host.pebble.tlsPort))
    }
  }

  @Test(.needsPebble, arguments: [["--http-address", "::1"], []])
  func `http-01 works for a name that has only an IPv6 address`(
    options: [String]
  ) async throws {
    try await ChallengeTestServer.run(defaultIPv4: "", defaultIPv6: "::1") { dns in
      try await LiveHost.run {
        $0.dnsServer = dns.dnsAddress
      } _: { host in
        let result = try await host.issue(
          ["example.com"], by: ["--http-port", "\(host.pebble.httpPort)"] + options)
        #expect(result.exitCode == 0, "\(result)")
        #expect(try host.isPair("example.com"))
      }
    }
  }
}
