import FoundationEssentials
import TestSupport
import Testing

/// The help as it is read: one file for each command in `Fixtures/cli/help`.
///
/// With `CERTCTL_UPDATE_FIXTURES=1` in the environment the files are written anew; look at the
/// difference before it is committed.
struct HelpTests {
  static let commands: [String] = [
    "", "issue", "renew", "list", "show", "revoke", "delete", "rollback", "rekey", "account",
    "account register",
    "account show", "account update", "account rollover", "account deactivate",
    "nginx", "nginx status", "nginx test", "nginx reload", "hook", "hook list", "hook run",
    "dhparam", "dns-providers", "dns-persist",
    "site", "site add", "site list", "site show", "site enable", "site disable", "site remove",
    "site compose",
  ]

  /// `Fixtures` beside `Tests` and `Sources`.
  private static var fixtures: String {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/") + "/Fixtures/cli/help"
  }

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
    let path = "\(Self.fixtures)/\(name).txt"
    if ProcessInfo.processInfo.environment["CERTCTL_UPDATE_FIXTURES"] != nil {
      try Data(help.utf8).write(to: URL(filePath: path))
    }
    let expected = try #require(readText(path), "no \(path): run with CERTCTL_UPDATE_FIXTURES=1")
    #expect(help == expected)
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

  @Test func `every subcommand has a snapshot`() async throws {
    for parent in ["", "account", "hook"] {
      let lines = try await help(parent).split(separator: "\n")
      let start = try #require(lines.firstIndex(of: "SUBCOMMANDS:"))
      let names = lines[(start + 1)...].filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
        .compactMap { $0.split(separator: " ").first }.filter { $0 != "See" }
      #expect(names.count >= 2)
      for name in names {
        let command = parent.isEmpty ? String(name) : "\(parent) \(name)"
        #expect(Self.commands.contains(command), "no snapshot of \(command)")
      }
    }
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
