import FoundationEssentials
import TestSupport
import Testing

/// dns-persist-01 with real authoritative servers, a resolver, and a CA that offers it.
@Suite(.timeLimit(.minutes(30)), .needsDNSLab(), .needsAcme2Certifier)
struct DNSPersistTests {
  /// A lab with acme2certifier, and certctl without DNS credentials.
  private struct Bench {
    let lab: DNSLab
    let server: Acme2Certifier

    static func run(_ body: (Bench) async throws -> Void) async throws {
      try await DNSLab.run { lab in
        try await Acme2Certifier.run(in: lab) { try await body(Bench(lab: lab, server: $0)) }
      }
    }

    func certctl(_ arguments: String...) -> Program {
      lab.namespace.inside(lab.certctl.program(arguments))
    }

    private var authority: [String] {
      ["--agree-tos", "--ca", server.directoryURL, "--ca-bundle", server.caBundlePath]
    }

    /// Runs `certctl dns-persist` for the domain and its wildcard.
    func look() async throws -> ProgramResult {
      var program = certctl("dns-persist", "example.test", "--wildcard")
      program.arguments += authority
      return try await program.run()
    }

    func issue() async throws -> ProgramResult {
      var program = certctl(
        "issue", "example.test", "*.example.test", "--challenge", "dns-persist-01")
      program.arguments += authority
      return try await program.run()
    }

    /// Makes this the only record, on the primary only.
    func set(_ text: String) async throws {
      try await lab.update(
        "update delete \(name) TXT\nupdate add \(name) 0 TXT \"\(text)\"")
    }

    /// Transfers the primary's records to the secondary.
    func transfer() async throws {
      try await lab.transfer()
      let wanted = try await lab.texts(name)
      try await poll("the secondary") {
        try await lab.texts(name, at: DNSLab.secondary) == wanted
      }
    }

    /// Returns the record that certctl printed.
    func record(in result: ProgramResult) throws -> String {
      let line = result.standardOutput.split(separator: "\n").first {
        $0.contains("\(name). TXT \"")
      }
      return try #require(line.map { String($0.split(separator: "\"")[1]) }, "\(result)")
    }
  }

  @Test func `one record validates apex and wildcard repeatedly, without credentials`()
    async throws
  {
    try await Bench.run { bench in
      let first = try await bench.look()
      #expect(first.exitCode == 75, "\(first)")
      let record = try bench.record(in: first)
      let account = bench.server.directoryURL.replacing("/directory", with: "/acme/acct/")
      #expect(record.hasPrefix("\(Acme2Certifier.issuer); accounturi=\(account)"), "\(record)")
      #expect(record.hasSuffix("; policy=wildcard"), "\(record)")
      let early = try await bench.issue()
      #expect(early.exitCode != 0, "\(early)")
      #expect(early.standardError.contains("\(name). TXT \"\(record)\""), "\(early)")

      try await bench.set(record)
      let half = try await bench.look()
      #expect(half.exitCode == 75, "\(half)")
      #expect(half.standardOutput.contains("ns2.example.test does not have it"), "\(half)")
      #expect(!half.standardOutput.contains("ns1.example.test"), "\(half)")
      try await bench.transfer()
      let full = try await bench.look()
      #expect(full.exitCode == 0, "\(full)")

      try await bench.issue().requireSuccess("issue")
      let path = "state/live/example.test/fullchain.pem"
      let old = try #require(bench.lab.folder.read(path))
      try await bench.certctl("renew", "--force").run().requireSuccess("renew")
      #expect(bench.lab.folder.read(path) != old)
      #expect(try await bench.lab.texts(name) == [record])
      // A dead server does not block a renewal while the others have the record.
      try await bench.lab.killSecondary()
      try await bench.certctl("renew", "--force").run().requireSuccess("renew")
      let gone = try await bench.look()
      #expect(gone.exitCode == 75, "\(gone)")
      #expect(gone.standardOutput.contains("ns2.example.test does not answer"), "\(gone)")
    }
  }

  @Test func `an unusable record is explained, with the record to create`() async throws {
    try await Bench.run { bench in
      let record = try bench.record(in: try await bench.look())
      let issuer = Acme2Certifier.issuer
      let wrong = [
        record.replacing(issuer, with: "other-ca.test"): "is for another CA",
        record.replacing("/acme/acct/", with: "/acme/acct/x"): "is for another account",
        record + "; persistUntil=1700000000": "expired at 2023-11-14T22:13:20Z",
        record + "; persistUntil=soon": "is malformed",
        record.replacing("; policy=wildcard", with: ""): "lacks policy=wildcard",
      ]
      for (text, words) in wrong {
        try await bench.set(text)
        try await bench.transfer()
        let look = try await bench.look()
        #expect(look.exitCode == 75, "\(look)")
        for server in ["ns1", "ns2"] {
          #expect(
            look.standardOutput.contains("\(server).example.test has \"\(text)\", which \(words)"),
            "\(look)")
        }
        #expect(try bench.record(in: look) == record)
        let issue = try await bench.issue()
        #expect(issue.exitCode != 0, "\(issue)")
        #expect(issue.standardError.contains("which \(words)"), "\(issue)")
        #expect(issue.standardError.contains("\(name). TXT \"\(record)\""), "\(issue)")
      }
      // A future persistUntil, another case and unknown parameters are accepted.
      let late = record.replacing("; policy=wildcard", with: " ;POLICY=Wildcard;foo=bar")
      try await bench.set("\(late); persistUntil=4102444800")
      try await bench.transfer()
      #expect(try await bench.look().exitCode == 0)
      try await bench.issue().requireSuccess("issue")
    }
  }
}

/// The name of the validation record.
private let name = "_validation-persist.example.test"
