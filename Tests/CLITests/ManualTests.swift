import FoundationEssentials
import TestSupport
import Testing

/// The man pages that `scripts/man` makes from the help: one file per page in `Fixtures/cli/man`.
@Suite(.requires("/usr/bin/python3"))
struct ManualTests {
  /// A command as `--experimental-dump-help` describes it.
  private struct Command: Decodable {
    let commandName: String
    let superCommands: [String]?
    let discussion: String?
    let subcommands: [Command]?

    /// The words of the command line, without `certctl`.
    var words: [String] {
      superCommands.map { Array($0.dropFirst()) + [commandName] } ?? []
    }
    var page: String { (["certctl"] + words).joined(separator: "-") }
    /// The command and all below it, but for the parser's own `help`.
    var all: [Command] {
      [self] + (subcommands ?? []).filter { $0.commandName != "help" }.flatMap(\.all)
    }
  }
  private struct Dump: Decodable { let command: Command }

  /// The pages by name, made once for all tests.
  private static let made = Task {
    try await pages(of: CertctlBinary.locate().path)
  }

  /// Runs `scripts/man`.
  private static func pages(of binary: String) async throws -> [String: String] {
    try await withTemporaryFolder { folder in
      let script = Program(
        Checkout.path("scripts/man"), [binary, folder.path("man"), "--date", "2026-11-30"])
      let result = try await script.run(within: .seconds(120))
      try #require(result.exitCode == 0, "\(result)")
      #expect(result.standardError == "")
      var pages: [String: String] = [:]
      for path in folder.contents() where path.hasSuffix(".1") {
        pages[String(path.dropFirst("man/".count).dropLast(2))] = folder.read(path)
      }
      return pages
    }
  }

  private func commands() async throws -> [Command] {
    let dump = try await CertctlBinary.locate().run(["--experimental-dump-help"])
    let data = Data(dump.standardOutput.utf8)
    return try JSONDecoder().decode(Dump.self, from: data).command.all
  }

  /// What a line of a page says, without the marks of roff.
  private func plain(_ source: String) -> String {
    let marks = [("\\&", ""), ("\\-", "-"), ("\\(aq", "'"), ("\\(dq", "\""), ("\\(ti", "~")]
    return (marks + [("\\e", "\\")]).reduce(source) { text, mark in
      text.split(separator: mark.0, omittingEmptySubsequences: false).joined(separator: mark.1)
    }
  }

  @Test func `pages stay as they were agreed`() async throws {
    let pages = try await Self.made.value
    for (name, text) in pages.sorted(by: { $0.key < $1.key }) {
      try expectSnapshot(text, "cli/man/\(name).1")
    }
    let pinned = try FileManager.default.contentsOfDirectory(
      atPath: Checkout.path("Fixtures/cli/man"))
    #expect(Set(pinned) == Set(pages.keys.map { "\($0).1" }), "remove what has no command")
  }

  @Test func `each command has a page with its options and examples`() async throws {
    let pages = try await Self.made.value
    let commands = try await commands()
    #expect(Set(pages.keys) == Set(commands.map(\.page)))
    for command in commands {
      let page = plain(try #require(pages[command.page]))
      let lines = page.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

      // "Fl" prints the first of the hyphens.
      let described = Set(
        lines.filter { $0.hasPrefix(".It Fl ") }.flatMap { $0.split(separator: " ") }
          .filter { $0.hasPrefix("-") || $0.count == 1 }.map { "-\($0)" })
      let help = try await CertctlBinary.locate()
        .run(command.words + ["--help"], environment: ["COLUMNS": "80"]).standardOutput
      for row in help.split(separator: "\n") where row.hasPrefix("  -") {
        // The column of the names ends at two spaces.
        let column = row.dropFirst(2).split(separator: "  ").first ?? ""
        for name in column.split(whereSeparator: { " ,/".contains($0) }) where name.hasPrefix("-") {
          #expect(described.contains(String(name)), "\(name) of \(command.page)")
        }
      }

      let block = try #require(command.discussion?.split(separator: "\n\n").first)
      let examples = block.split(separator: "\n").dropFirst().map { $0.dropFirst(2) }
      #expect(
        page.contains(
          ".Sh EXAMPLES\n.Bd -literal\n\(examples.joined(separator: "\n"))\n.Ed\n"),
        "\(command.page)")
      #expect(!examples.isEmpty)
    }
  }

  @Test func `options stand under the headings of the help, the general ones last`() async throws {
    let page = try #require(try await Self.made.value["certctl-issue"])
    let options = try #require(page.split(separator: ".Sh OPTIONS\n").last)
    let headings = options.split(separator: "\n").filter { $0.hasPrefix(".S") }
    #expect(
      headings.prefix(7) == [
        ".Ss Certificate authority", ".Ss Account", ".Ss Validation", ".Ss Certificate",
        ".Ss Deployment", ".Ss General", ".Sh EXIT STATUS",
      ])
    // The command's own come before the first heading.
    #expect(options.hasPrefix(".Bl -tag -width Ds\n.It Fl \\-name Ar name\n"))
    let general = try #require(options.split(separator: ".Ss General\n").last)
    #expect(general.contains(".It Fl \\-version\n") && general.contains(".It Fl h , Fl \\-help\n"))
  }

  @Test(.requires("mandoc"))
  func `mandoc finds nothing to warn of`() async throws {
    let pages = try await Self.made.value
    try await withTemporaryFolder { folder in
      let paths = try pages.map { try folder.write("\($0.key).1", $0.value) }.sorted()
      let lint = try await Program("mandoc", ["-T", "lint", "-W", "warning"] + paths).run()
      #expect(lint.exitCode == 0, "\(lint)")
      #expect(lint.standardOutput == "" && lint.standardError == "", "\(lint)")
    }
  }

  @Test(.requires("mandoc"))
  func `text is never taken for markup`() async throws {
    let help = #"""
      {"serializationVersion": 0, "command": {"commandName": "certctl", "abstract": "Tests 'it'.",
        "discussion": "Examples:\n  .certctl 'a b' \"c\" \\\n    --No ~/x^y `z` … --\n\nAn Sh -x.",
        "arguments": [], "subcommands": [
          {"commandName": "add", "superCommands": ["certctl"], "shouldDisplay": true,
            "abstract": "Adds.", "discussion": "Examples:\n  .certctl add\n\n.Sh is text: No, “Ar”.",
            "arguments": [{"kind": "option", "shouldDisplay": true, "isOptional": true,
              "names": [{"kind": "long", "name": "Ar"}], "valueName": "Op",
              "preferredName": {"kind": "long", "name": "Ar"}, "defaultValue": "\\fB.\"",
              "abstract": "'quoted' \\n (--Ar). Use certctl add, --Ar's or /etc/x.conf."}]}]}}
      """#
    try await withTemporaryFolder { folder in
      _ = try folder.write("dump.json", help)
      let binary = try folder.write(
        "certctl",
        """
        #!/bin/sh
        case $1 in
          --experimental-dump-help) cat '\(folder.path("dump.json"))' ;;
          add) echo 'USAGE: certctl add <No> [<x> ...]' ;;
          *) printf 'USAGE: certctl <command>\\n\\nGET BY DNS:\\n  add   Adds.\\n' ;;
        esac
        """)
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: binary)
      let pages = try await Self.pages(of: binary)
      #expect(pages.keys.sorted() == ["certctl", "certctl-add"])
      var shown: [String: String] = [:]
      for (name, text) in pages {
        let path = try folder.write("\(name).1", text)
        let lint = try await Program("mandoc", ["-T", "lint", "-W", "warning", path]).run()
        #expect(lint.standardOutput == "")
        let render = Program("mandoc", ["-T", "utf8", "-O", "width=200", path])
        shown[name] = try await render.run().standardOutput.withoutOverstrikes
      }
      let root = try #require(shown["certctl"])
      #expect(root.contains("Get by DNS"))
      #expect(root.contains("  .certctl 'a b' \"c\" \\\n       --No ~/x^y `z` … --\n"))
      let add = try #require(shown["certctl-add"])
      #expect(add.contains("certctl add No [x ...]"))
      #expect(add.contains(".Sh is text: No, “Ar”."))
      #expect(add.contains("--Ar Op"))
      #expect(add.contains(#"'quoted' \n (--Ar).  Use certctl add, --Ar's or /etc/x.conf.  "#))
      #expect(add.contains(#"Default: \fB."."#))
    }
  }
}

extension String {
  /// What a reader sees of mandoc's output, which prints bold and underlined characters twice.
  fileprivate var withoutOverstrikes: String {
    reduce(into: "") { text, mark in
      if text.last == "\u{8}" { text.removeLast(2) }
      text.append(mark)
    }
  }
}
