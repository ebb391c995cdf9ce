import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlStore

/// `certctl list` and `certctl show` as they are run: on a terminal, in a pipe, as JSON.
@Suite(.timeLimit(.minutes(10)))
struct ListCommandTests {
  /// Puts a certificate of ninety days, thirty of them over, where certctl keeps it.
  private func withCertificate(_ body: (CommandLineBench) async throws -> Void) async throws {
    try await CommandLineBench.with { bench in
      let now = Date()
      let ca = try TestCA(now: now)
      let key = try PrivateKey.generate(.ec256)
      let leaf = try ca.leaf(
        for: key.publicKey, dnsNames: ["example.com"],
        notBefore: now.addingTimeInterval(-30 * 86400),
        notAfter: now.addingTimeInterval(60.5 * 86400))
      let state = StateDirectory(path: bench.folder.path("state"))
      _ = try await CertificateStore(state: state).commit(
        IssuedCertificate(chain: [leaf, ca.intermediate], key: key),
        to: LineageName("example.com"), files: FileSettings())
      try bench.folder.write("state/lineages/broken.example.json", "{")
      try await body(bench)
    }
  }

  private func onTerminal(
    _ bench: CommandLineBench, _ words: [String], _ variables: [String: String]
  ) async throws -> TerminalTalk {
    var environment: [String: String?] = ["TERM": "xterm"]
    for name in ["NO_COLOR", "COLUMNS", "LC_ALL", "LC_CTYPE"] { environment[name] = .some(nil) }
    for (name, value) in variables { environment[name] = value }
    return try await TerminalTalk.run(bench, words, answers: [], environment: environment)
  }

  @Test(.requires("python3"))
  func `a terminal gets a timeline that fits it, in colour`() async throws {
    try await withCertificate { bench in
      let utf8 = ["LANG": "C.UTF-8", "COLUMNS": "80"]
      let talk = try await onTerminal(bench, ["list"], utf8)
      #expect(talk.status == .exited(0))
      #expect(talk.text.contains("━●─"), "\(talk.text)")
      #expect(talk.text.contains("60 days"))
      #expect(talk.text.contains("\u{1B}[31mdamaged\u{1B}[0m"))
      #expect(talk.text.contains("  ! ") && talk.text.contains("broken.example.json"))
      let plain = try await onTerminal(bench, ["list"], utf8.merging(["NO_COLOR": "1"]) { $1 })
      #expect(!plain.text.contains("\u{1B}"))
      #expect(plain.text.contains("━●─"))
      let ascii = try await onTerminal(bench, ["list"], ["LC_ALL": "C", "COLUMNS": "80"])
      #expect(ascii.text.contains("=O-"))
      #expect(ascii.text.unicodeScalars.allSatisfy { $0.isASCII })
    }
  }

  @Test(.requires("python3"))
  func `a narrow terminal gets cards`() async throws {
    try await withCertificate { bench in
      for columns in ["1", "40"] {
        let talk = try await onTerminal(bench, ["list"], ["LANG": "C.UTF-8", "COLUMNS": columns])
        #expect(talk.text.contains("  expires "))
        #expect(!talk.text.contains("━") && !talk.text.contains("EXPIRES"))
      }
    }
  }

  @Test(.requires("python3"), arguments: [40, 80, 200])
  func `list and show fit the terminal`(_ columns: Int) async throws {
    try await withCertificate { bench in
      for words in [["list"], ["show", "example.com"], ["show", "broken.example"]] {
        for term in ["xterm", "dumb"] {
          var environment: [String: String?] = ["TERM": term, "LANG": "C.UTF-8"]
          for name in ["NO_COLOR", "LC_ALL", "LC_CTYPE"] { environment[name] = .some(nil) }
          let talk = try await TerminalTalk.run(
            bench, words, answers: [], environment: environment, columns: columns)
          #expect(talk.status == .exited(0))
          #expect(talk.screen.unknown.isEmpty)
          for line in talk.screen.wrapped {
            // A path is there to be copied.
            #expect(line.drop { $0 == " " }.hasPrefix("/"), "\(words), \(columns): \(line)")
          }
          if term == "dumb" { #expect(!talk.text.contains("\u{1B}")) }
        }
      }
    }
  }

  @Test func `a pipe gets the table, whatever the environment says`() async throws {
    try await withCertificate { bench in
      let result = try await bench.binary.run(
        ["list"], environment: ["COLUMNS": "100", "TERM": "xterm", "LANG": "C.UTF-8"])
      #expect(result.exitCode == 0)
      #expect(result.standardOutput.hasPrefix("NAME"))
      #expect(result.standardOutput.contains("(in 60 days)"))
      #expect(result.standardOutput.contains("NOTE"))
      #expect(!result.standardOutput.contains("\u{1B}") && !result.standardOutput.contains("━"))
    }
  }

  @Test func `show and JSON have the dates of the renewal`() async throws {
    try await withCertificate { bench in
      let text = try await bench.run("show", "example.com").standardOutput
      #expect(text.contains("\nrenews         2") && text.contains("days)\n"))
      #expect(text.contains("\nbecause        "))
      let json = try await bench.run("list", "--json").standardOutput
      let reports = try #require(JSONValue(Array(json.utf8)))["certificates"].array
      #expect(reports.map { $0["state"].string } == ["damaged", "valid"])
      let finding = reports.first?["findings"].array.first
      #expect(finding?["code"].string == "damaged", "\(json)")
      #expect(finding?["message"] == reports.first?["problem"])
      #expect(finding?["hint"].string?.isEmpty == false)
      #expect(reports.last?["renewAt"].string?.hasSuffix("Z") == true, "\(json)")
      #expect(reports.last?["renewReason"].string != nil)
    }
  }
}
