import FoundationEssentials
import TestSupport
import Testing

/// The help as it is read: one file for each command in `Fixtures/cli/help`.
struct HelpTests {
  static let commands: [String] = [
    "", "issue", "renew", "list", "show", "revoke", "delete", "rollback", "rekey", "account",
    "account register",
    "account show", "account update", "account rollover", "account deactivate",
    "nginx", "nginx status", "nginx test", "nginx reload", "hook", "hook list", "hook run",
    "dhparam", "dns-providers", "dns-persist",
    "site", "site add", "site list", "site show", "site enable", "site disable", "site remove",
    "site compose", "explain",
  ]

  private func help(_ command: String) async throws -> String {
    let words = command.split(separator: " ").map(String.init)
    let result = try await CertctlBinary.locate()
      .run(words + ["--help"], environment: ["COLUMNS": "80"])
    #expect(result.exitCode == 0)
    #expect(result.standardError == "")
    return result.standardOutput
  }

  @Test(arguments: commands)
  func `help stays as it was agreed`(_ command: String) async throws {
    let help = try await help(command)
    let name = (command.isEmpty ? "certctl" : command).split(separator: " ").joined(separator: "-")
    try expectSnapshot(help, "cli/help/\(name).txt")
  }

  @Test(arguments: commands)
  func `help opens with examples that fit on a terminal`(_ command: String) async throws {
    let lines = try await help(command).split(separator: "\n", omittingEmptySubsequences: false)
    let example = try #require(lines.firstIndex { $0.hasPrefix("  certctl ") })
    let usage = try #require(lines.firstIndex { $0.hasPrefix("USAGE: ") })
    #expect(example < usage)
    #expect(lines.allSatisfy { $0.count <= 80 })
    #expect(lines[usage].count <= 60)
  }

  @Test func `every subcommand has a snapshot, and is on the first screen`() async throws {
    let first = try await help("").split(separator: "\n").filter { $0.hasPrefix("  ") }
    for command in try await Self.tree() {
      #expect(Self.commands.contains(command), "no snapshot of \(command)")
      let parent = command.split(separator: " ")[0]
      let isListed = first.contains {
        $0.hasPrefix("  \(command) ") || $0.hasPrefix("  \(parent) ")
      }
      #expect(isListed, "\(command) is not on the first screen")
    }
  }

  /// The words of each command and subcommand, as the parser knows them.
  private static func tree() async throws -> [String] {
    let result = try await CertctlBinary.locate().run(["--experimental-dump-help"])
    let root = try #require(JSONValue(Array(result.standardOutput.utf8)))["command"]
    func words(_ command: JSONValue, _ path: String) -> [String] {
      command["subcommands"].array.flatMap { child -> [String] in
        let name = child["commandName"].string ?? ""
        guard name != "help" else { return [] }
        let word = path.isEmpty ? name : "\(path) \(name)"
        return [word] + words(child, word)
      }
    }
    let all = words(root, "")
    #expect(all.count > 30)
    return all
  }

  @Test func `a command's own options come first, and those of all commands last`() async throws {
    let lines = try await help("issue").split(separator: "\n")
    let index = { (start: String) in lines.firstIndex { $0.hasPrefix(start) } ?? -1 }
    let order = [
      "ARGUMENTS:", "OPTIONS:", "  --force", "CERTIFICATE AUTHORITY:", "  --ca ",
      "GENERAL:", "  --json", "  --version", "  -h, --help",
    ].map(index)
    #expect(order == order.sorted() && order[0] > 0, "\(order)")
    #expect(lines.filter { $0 == "OPTIONS:" }.count == 1)
  }

  @Test(arguments: [40, 200])
  func `an example stays on its lines, whatever the width`(_ width: Int) async throws {
    let result = try await CertctlBinary.locate()
      .run(["site", "add", "--help"], environment: ["COLUMNS": "\(width)"])
    #expect(
      result.standardOutput.contains(
        "\n  certctl site add a.example.com,b.example.com http://app:8080 \\\n"
          + "    --nginx-container proxy\n"))
    let prose = result.standardOutput.split(separator: "\n").filter { !$0.hasPrefix("  ") }
    #expect(prose.allSatisfy { $0.count <= max(width, 60) })
  }

  @Test(arguments: [[String]()])
  func `help without a command is an answer to a mistake`(_ words: [String]) async throws {
    let result = try await CertctlBinary.locate().run(words)
    #expect(result.exitCode == 64)
    #expect(result.standardOutput == "")
    #expect(result.standardError.hasPrefix("OVERVIEW: "))
    let asked = try await CertctlBinary.locate().run(["help"] + words)
    #expect(asked.exitCode == 0)
    #expect(asked.standardOutput == result.standardError)
  }

  @Test func `the version is one line`() async throws {
    let result = try await CertctlBinary.locate().run(["--version"])
    #expect(result.exitCode == 0)
    let numbers = result.standardOutput.split(separator: ".")
    #expect(numbers.count == 3)
    #expect(result.standardOutput.last == "\n")
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `completions are made and can be read by their shell`(_ shell: String) async throws {
    let script = try await CertctlBinary.locate().run(["--generate-completion-script", shell])
    #expect(script.exitCode == 0)
    for word in ["issue", "rollback", "--webroot", "--agree-tos", "rsa3072"] {
      #expect(script.standardOutput.contains(word.drop { $0 == "-" }), "\(word)")
    }
    // The shell itself is the judge, where it is there.
    guard InstalledProgram.find(shell) != nil else { return }
    let check = try await Program(shell, ["-n", "/dev/stdin"]).run(input: script.standardOutput)
    #expect(check.exitCode == 0, "\(check)")
  }
}
