import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// What a person sees on a terminal while certctl works: nothing is too wide, glued or left over.
///
/// The screens of 80 columns are files in `Fixtures/cli/screens`, with fixed words for what differs
/// from run to run.
@Suite(.timeLimit(.minutes(10)), .needsPebble, .needsNginx, .requires("python3"))
struct ScreenTests {
  /// A terminal; a name for its certificates, too.
  struct Kind: Sendable, CustomTestStringConvertible {
    let columns: Int
    let term: String
    var testDescription: String { "\(columns) columns, TERM=\(term)" }
    var isDumb: Bool { term == "dumb" }
  }

  static let kinds = [
    Kind(columns: 40, term: "xterm"), Kind(columns: 80, term: "xterm"),
    Kind(columns: 200, term: "xterm"), Kind(columns: 80, term: "dumb"),
  ]

  @Test(arguments: kinds)
  func `each command leaves a clean screen`(_ kind: Kind) async throws {
    try await SiteHost.run(validitySeconds: 90 * 86400) { site in
      let stage = Stage(kind: kind, site: site)
      let host = site.host
      let names = ["example.test", "www.example.test"]
      try await stage.show(
        "issue", host.issueArguments(names, host.standalone),
        progress: "downloading the certificate")
      try await stage.show(
        "renew", ["renew", "example.test", "--force"], progress: "ordering a certificate")
      try await stage.show(
        "issue-failed", host.issueArguments(["bad.test"], ["--http-port", "\(FreePort.pick())"]),
        exit: 1, progress: "waiting for the CA to validate")
      try await stage.show(
        "site-add", site.addArguments("plex.test.example"), progress: "reloading nginx")
      try await stage.show("site-list", ["site", "list"])
      try await stage.show("list", ["list"])
      try await stage.show("show", ["show", "plex.test.example"])
      try await stage.show("renew-nothing", ["renew"])
    }
  }

  @Test func `show tells who uses a certificate`() async throws {
    try await SiteHost.run { site in
      try await site.host.issue("alone.test.example").requireSuccess("issue")
      try await site.add("plex.test.example").requireSuccess("site add")
      func report(_ name: String) async throws -> JSONValue {
        let result = try await site.host.certctl.run(["show", name, "--json"])
        return try json(result.requireSuccess("show"))["certificate"]
      }
      let used = try await report("plex.test.example")
      #expect(used["usedByNginx"].bool == true, "\(used)")
      let nginx = used["nginx"].array.first
      #expect(nginx?["addresses"].array.contains(.string("127.0.0.1:\(site.tlsPort)")) == true)
      #expect(nginx?["pid"].number == Double(site.nginx.pid))
      #expect(used["sites"].array.map { $0["name"].string } == ["plex.test.example"])
      #expect(used["sites"].array.first?["isEnabled"].bool == true)
      let alone = try await report("alone.test.example")
      #expect(alone["usedByNginx"].bool == false, "\(alone)")
      #expect(alone["nginx"].array.isEmpty && alone["sites"].array.isEmpty)
      try await site.site("disable", "plex.test.example").requireSuccess("disable")
      let text = try await site.host.certctl.run(["show", "plex.test.example"]).standardOutput
      #expect(text.contains("plex.test.example (disabled)"), "\(text)")
      #expect(text.contains("not used by nginx"), "\(text)")
      // A list is about certificates alone.
      let list = try await site.host.certctl.run(["list", "--json"])
      #expect(try json(list)["certificates"].array.first?["sites"] == .null)
    }
  }
}

/// One terminal, on which commands are run one after the other.
private struct Stage {
  let kind: ScreenTests.Kind
  let site: SiteHost

  /// Runs a command and looks at what is left on the screen.
  func show(
    _ name: String, _ words: [String], exit code: Int32 = 0, progress: String? = nil
  ) async throws {
    var environment: [String: String?] = ["TERM": kind.term, "LANG": "C.UTF-8", "NO_COLOR": "1"]
    for name in ["LC_ALL", "LC_CTYPE"] { environment[name] = .some(nil) }
    let talk = try await TerminalTalk.run(
      site.host.certctl, words, environment: environment, columns: kind.columns)
    let comment: Comment = "\(name) on \(kind.testDescription):\n\(talk.screen)"
    #expect(talk.status == .exited(code), comment)
    #expect(talk.screen.unknown.isEmpty, comment)
    for line in talk.screen.wrapped {
      let word = line.drop { $0 == " " }
      #expect(!word.contains(" ") && word.contains("/"), "too wide: \(line)\n\(comment.rawValue)")
    }
    if let progress { #expect(talk.text.contains(progress), comment) }
    let left = talk.screen.lines.filter { $0.hasSuffix(" ...") }
    if kind.isDumb {
      // A terminal writes each line feed as both; there is no other carriage return.
      let bare = talk.text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        .dropLast().map { $0.dropLast() }
      #expect(!talk.text.contains("\u{1B}"), comment)
      #expect(bare.allSatisfy { !$0.contains("\r") }, comment)
      #expect(left.isEmpty == (progress == nil), comment)
      #expect(zip(left, left.dropFirst()).allSatisfy { $0 != $1 }, comment)
    } else {
      #expect(left.isEmpty, comment)
      if progress != nil { #expect(talk.text.contains("\r\u{1B}[2K"), comment) }
      if kind.columns == 80 { try compare(talk.screen, name) }
    }
    // What was erased or printed before stands before no line.
    #expect(talk.screen.lines.allSatisfy { !$0.contains(" ...certctl") && !$0.contains("... ") })
  }

  // MARK: - Snapshots

  private func compare(_ screen: TerminalScreen, _ name: String) throws {
    // Where the lines of talk are broken depends on paths and ports.
    var lines: [String] = []
    for line in screen.lines {
      if line.hasPrefix(" "), let last = lines.last, last.hasPrefix("certctl: ") {
        lines[lines.count - 1] = "\(last) \(line.drop { $0 == " " })"
      } else {
        lines.append(line)
      }
    }
    let shown = normalized(lines.joined(separator: "\n")) + "\n"
    try expectSnapshot(shown, "cli/screens/\(name).txt")
  }

  /// The screen with fixed words for what differs from run to run; whether a path has a line of its own
  /// depends on its length.
  private func normalized(_ text: String) -> String {
    var text = text
    text.replace(site.nginx.folder.path, with: "NGINX")
    text.replace(site.host.folder.path, with: "FOLDER")
    text.replace(/(\n\ +|\ {2,})(?=FOLDER|NGINX)/, with: "  ")
    text.replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/, with: "DATE TIME")
    text.replace(/\d{4}-\d\d-\d\d/, with: "YYYY-MM-DD")
    text.replace(/\((just now|\d+ (minute|hour)s? ago|in less than a minute)\)/, with: "(NOW)")
    text.replace(/[0-9a-f]{16,}/, with: "HEX")
    text.replace(/Intermediate CA [0-9a-f]{6}/, with: "Intermediate CA HEX")
    text.replace(/:\d{4,5}\b/, with: ":PORT")
    text.replace(/acme-challenge\/[\w-]+/, with: "acme-challenge/TOKEN")
    return text
  }
}
