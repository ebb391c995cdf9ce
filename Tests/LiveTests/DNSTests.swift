import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// dns-01 with real authoritative servers, a resolver, and a CA that uses it.
@Suite(.timeLimit(.minutes(30)), .needsDNSLab())
struct DNSTests {
  private static let challenge = "_acme-challenge.example.test"

  /// Returns the number of challenges that the CA was told to validate.
  private func answers(_ lab: DNSLab) -> Int {
    lab.pebble.requests.count { $0.hasPrefix("POST /chalZ/") }
  }

  /// Waits until the primary has `count` values beside the foreign one.
  private func published(
    _ count: Int, _ lab: DNSLab, under name: String = challenge
  ) async throws {
    try await poll("the records", within: .seconds(20)) {
      try await lab.texts(name).count == count + 1
    }
  }

  @Test
  func `apex, wildcard and delegated name wait for a slow secondary and are cleaned up`()
    async throws
  {
    try await DNSLab.run { lab in
      let delay = Duration.seconds(4)
      let clock = ContinuousClock()
      let start = clock.now
      let result = try await lab.program(
        lab.issueArguments(["example.test", "*.example.test", "delegated.example.test"])
      ).run { _ in
        try await published(2, lab)
        // The delegated name's record is in a zone on another server.
        #expect(try await lab.texts("delegated.acme.other.test", at: DNSLab.bind).count == 1)
        try await Task.sleep(for: delay)
        #expect(answers(lab) == 0, "the CA was told to look while a server had no record")
        try await lab.transfer()
      }
      try result.requireSuccess("issue")
      let time = clock.now - start
      print("a secondary that is late by \(delay) made an issuance of \(time)")
      #expect(time < delay + .seconds(20))
      #expect(answers(lab) == 3)
      #expect(try await lab.texts(Self.challenge) == [DNSLab.foreign])
      #expect(try await lab.texts("delegated.acme.other.test", at: DNSLab.bind).isEmpty)
      // The CA's resolver caches the first validation for the TTL, so the renewal waits. The
      // lineage stores the key file's path, because the timer's environment is empty.
      let lineage = try #require(lab.folder.read("state/lineages/example.test.json"))
      #expect(lineage.contains("update-hmac-sha256.key"))
      #expect(!lineage.contains(DNSLab.keys["hmac-sha256"] ?? "-"))
      var renewal = lab.program(["renew", "--force"])
      renewal.environment["RFC2136_TSIG_FILE"] = .some(nil)
      try await renewal.run { running in
        // Pebble reuses 1 in 100 authorizations even with reuse disabled.
        try await poll("new records") {
          try await lab.texts(Self.challenge).count > 1 || !running.isRunning
        }
        try await lab.transfer()
      }.requireSuccess("renew")
      #expect(try await lab.texts(Self.challenge) == [DNSLab.foreign])
    }
  }

  @Test func `a dead server is named, and no record is left behind`() async throws {
    try await DNSLab.run { lab in
      try await lab.killSecondary()
      let result = try await lab.program(
        lab.issueArguments(["*.example.test"], ["--dns-timeout", "3"])
      ).run()
      #expect(result.exitCode == 75, "\(result)")
      #expect(result.standardError.contains("ns2.example.test (127.0.0.12:53)"), "\(result)")
      #expect(!result.standardError.contains("ns1.example.test"), "\(result)")
      #expect(answers(lab) == 0)
      #expect(try await lab.texts(Self.challenge) == [DNSLab.foreign])
      #expect(lab.folder.read("state/journal/example.test.json") == nil)
    }
  }

  @Test func `a wrong key, a refused zone and an unresolvable name are explained`() async throws {
    try await DNSLab.run { lab in
      func failure(
        _ names: [String], _ change: (inout Program) -> Void = { _ in }
      ) async throws -> String {
        var program = lab.program(lab.issueArguments(names, ["--dns-timeout", "3"]))
        change(&program)
        let result = try await program.run()
        #expect(result.exitCode != 0, "\(result)")
        return result.standardError
      }
      // An unknown key, and a known key with a wrong secret.
      func key(_ name: String, _ secret: String) -> (inout Program) -> Void {
        { program in
          program.environment["RFC2136_TSIG_FILE"] = .some(nil)
          program.environment["RFC2136_TSIG_KEY"] = name
          program.environment["RFC2136_TSIG_SECRET"] = secret
        }
      }
      let secret = try #require(DNSLab.keys["hmac-sha256"])
      let unknown = try await failure(["*.example.test"], key("nobody", secret))
      #expect(unknown.contains("does not know the key nobody"), "\(unknown)")
      let wrong = try await failure(["*.example.test"], key("update-hmac-sha256", "c2VjcmV0"))
      #expect(wrong.contains("the secret of the key update-hmac-sha256 is wrong"), "\(wrong)")
      #expect(!wrong.contains("c2VjcmV0"))
      // A zone that the key cannot update, a CNAME loop, and a name without a zone.
      let zone = try await failure(["*.other.test"])
      #expect(zone.contains("cannot update the zone other.test"), "\(zone)")
      let circle = try await failure(["*.circle.example.test"])
      #expect(circle.contains("form a loop"), "\(circle)")
      let nowhere = try await failure(["*.nowhere.invalid"])
      #expect(nowhere.contains("nowhere.invalid"), "\(nowhere)")
      #expect(try await lab.texts(Self.challenge) == [DNSLab.foreign])
    }
  }

  @Test(arguments: ["hmac-sha384", "hmac-sha512"])
  func `other TSIG algorithms work, and --dns-check can use a resolver`(
    _ algorithm: String
  ) async throws {
    try await DNSLab.run { lab in
      // unbound queries only the primary, so no transfer is needed.
      try await lab.program(
        lab.issueArguments(
          ["www.example.test"], ["--dns-check", "resolver", "--dns-resolver", "127.0.0.10:53"]),
        algorithm: algorithm
      ).run().requireSuccess("issue")
      #expect(try await lab.texts("_acme-challenge.www.example.test").isEmpty)
    }
  }

  @Test(arguments: ["resolver", "none"])
  func `behind a firewall the resolver also answers zone and CNAME queries`(_ check: String)
    async throws
  {
    try await DNSLab.run { lab in
      // Nothing listens on port 5; the update goes to the right port.
      var program = lab.program(
        lab.issueArguments(
          ["*.example.test"],
          ["--dns-check", check, "--dns-resolver", "127.0.0.10:53", "--dns-port", "5"]))
      program.environment["RFC2136_NAMESERVER"] = DNSLab.primary
      try await program.run().requireSuccess("issue")
      #expect(try await lab.texts(Self.challenge) == [DNSLab.foreign])
      program = lab.program(
        lab.issueArguments(
          ["*.two.test"], ["--dns-resolver", "127.0.0.10:53", "--dns-port", "5"]))
      let refused = try await program.run()
      #expect(refused.exitCode == 1)
      #expect(refused.standardError.contains("port 5 of these name servers"), "\(refused)")
      #expect(refused.standardError.contains("--dns-check resolver"), "\(refused)")
    }
  }

  @Test func `after a crash the next run removes only the leftover records`() async throws {
    try await DNSLab.run { lab in
      let issue = lab.program(lab.issueArguments(["example.test", "*.example.test"]))
      _ = try await issue.run { running in
        try await published(2, lab)
        running.send(SIGKILL)
      }
      // A record that another client added meanwhile.
      try await lab.update("update add \(Self.challenge). 60 TXT \"of-another-client\"")
      let left = try await lab.texts(Self.challenge)
      #expect(left.count == 4)
      try await issue.run { running in
        while running.isRunning {
          try await lab.transfer()
          try await Task.sleep(for: .milliseconds(300))
        }
      }.requireSuccess("issue")
      #expect(try await lab.texts(Self.challenge) == ["of-another-client", DNSLab.foreign])
      #expect(lab.folder.read("state/journal/example.test.json") == nil)
    }
  }

  @Test func `Ctrl-C removes the records`() async throws {
    try await DNSLab.run { lab in
      let result = try await lab.program(lab.issueArguments(["*.example.test"])).run { running in
        try await published(1, lab)
        running.send(SIGINT)
      }
      #expect(result.exitCode != 0)
      #expect(try await lab.texts(Self.challenge) == [DNSLab.foreign])
    }
  }

  @Test func `fifty wildcards in two zones wait for propagation once`() async throws {
    try await DNSLab.run { lab in
      // Long compared to the work for fifty names on a busy machine.
      let delay = Duration.seconds(20)
      let clock = ContinuousClock()
      /// Runs certctl and transfers the zones every `delay` from the first record on.
      func time(_ program: Program, first: String) async throws -> Duration {
        let start = clock.now
        let result = try await program.run(within: .seconds(200)) { running in
          try await poll("the first record", within: .seconds(60), every: .milliseconds(50)) {
            try await !lab.texts(first).isEmpty || !running.isRunning
          }
          var next = clock.now + delay
          while running.isRunning {
            try await Task.sleep(for: .milliseconds(50))
            guard clock.now >= next else { continue }
            try await lab.transfer()
            next += delay
          }
        }
        try result.requireSuccess("certctl")
        return clock.now - start
      }
      // The model for the others.
      let one = try await time(
        lab.program(lab.issueArguments(["*.w0.example.test"])),
        first: "_acme-challenge.w0.example.test")
      let zones = ["example.test", "two.test"]
      let names = (1...50).map { "w\($0).\(zones[$0 % 2])" }
      try lab.folder.addLineages(names, like: "w0.example.test", asWildcards: true)
      let all = try await time(
        lab.program(["renew"]), first: "_acme-challenge.\(names[0])")
      print("one wildcard took \(one), fifty took \(all)")
      #expect(all < one * 2)
      for name in names {
        #expect(lab.folder.read("state/live/\(name)/fullchain.pem") != nil, "\(name)")
        #expect(try await lab.texts("_acme-challenge.\(name)").isEmpty)
      }
    }
  }
}
