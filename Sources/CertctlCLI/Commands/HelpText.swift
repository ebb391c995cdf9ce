import ArgumentParser
import CertctlBase
import CertctlSystem

/// The help of a command, rearranged from the parser's text.
///
/// The parser wraps examples, prints general options before the command's own, and does not group
/// commands. This type corrects all three. The texts come from the command's configuration.
struct HelpText {
  /// The names of the command and its parents, without `certctl`.
  let path: [String]
  let command: any ParsableCommand.Type
  /// The width of a line in columns.
  let width: Int

  /// The heading of the general options.
  private static let general = "GENERAL:"
  private static let own = "OPTIONS:"
  /// The options that the parser adds to every command.
  private static let everywhere = ["  --version ", "  -h, --help "]

  /// Creates the help of the command that the arguments name.
  init(arguments: [String], width: Int = HelpText.columns) {
    var command: any ParsableCommand.Type = CertctlCommand.self
    var path: [String] = []
    for word in arguments where !(path.isEmpty && word == "help") {
      guard
        let next = command.configuration.subcommands.first(where: { $0._commandName == word })
      else { break }
      command = next
      path.append(word)
    }
    self.path = path
    self.command = command
    self.width = width
  }

  /// The width that the parser uses: `COLUMNS`, else the width of the terminal, else 80.
  static var columns: Int {
    Terminal.variable("COLUMNS").flatMap(Int.init).flatMap { $0 > 0 ? $0 : nil }
      ?? Terminal.width(of: .standardOutput) ?? 80
  }

  /// Returns the parser's help for the command, rearranged.
  func arranged(_ text: String) -> String {
    let all = text.split(separator: "\n\n").map(String.init)
    guard let usage = all.firstIndex(where: { $0.hasPrefix("USAGE: ") }) else { return text }
    let parts = Array(all[usage...])
    let heads = [overview, parts[0]]
    guard path.isEmpty else {
      return (heads + sections(parts.dropFirst())).joined(separator: "\n\n")
    }
    return (heads + Self.groups.map(group) + [footer]).joined(separator: "\n\n")
  }

  /// The abstract and the discussion; indented lines such as examples are not wrapped.
  private var overview: String {
    let configuration = command.configuration
    let discussion = configuration.discussion
    let lines =
      ("OVERVIEW: \(configuration.abstract)" + (discussion.isEmpty ? "" : "\n\n\(discussion)"))
      .split(separator: "\n", omittingEmptySubsequences: false)
    return lines.flatMap { line in
      line.hasPrefix(" ") || line.isEmpty
        ? [String(line)] : String(line).wrapped(to: width, limit: .max, ellipsis: "")
    }
    .joined(separator: "\n")
  }

  /// Returns the sections with the command's own options first and the general ones last.
  private func sections(_ sections: ArraySlice<String>) -> [String] {
    var sections = sections.map {
      HelpEntry.unified($0.hasSuffix("\n") ? String($0.dropLast()) : $0, width: width)
    }
    guard let index = sections.firstIndex(where: { $0.hasPrefix(Self.own) }) else {
      return sections
    }
    var own = sections.remove(at: index).split(separator: "\n").map(String.init)
    let isAdded = { (line: String) in Self.everywhere.contains { line.hasPrefix($0) } }
    let first = own.firstIndex(where: isAdded) ?? own.endIndex
    let added = own[first...].prefix { isAdded($0) || $0.hasPrefix("       ") }
    own.removeSubrange(added.indices)
    if let general = sections.firstIndex(where: { $0.hasPrefix(Self.general) }) {
      let text = sections.remove(at: general)
      sections.append(([text] + added).joined(separator: "\n"))
    } else if !added.isEmpty {
      sections.append(([Self.general] + added).joined(separator: "\n"))
    }
    guard own.count > 1 else { return sections }
    let behind = sections.firstIndex { $0.hasPrefix("ARGUMENTS:") }.map { $0 + 1 } ?? 0
    sections.insert(own.joined(separator: "\n"), at: behind)
    return sections
  }

  // MARK: - The first screen

  /// The commands, grouped by task.
  static let groups: [(title: String, commands: [String])] = [
    (
      "PUT A SERVICE BEHIND NGINX",
      [
        "site add", "site list", "site show", "site enable", "site disable", "site remove",
        "site compose",
      ]
    ),
    ("GET AND RENEW CERTIFICATES", ["issue", "renew", "list", "show"]),
    ("REPLACE OR REVOKE A CERTIFICATE", ["rekey", "rollback", "revoke", "delete"]),
    (
      "CHECK NGINX AND HOOKS",
      ["nginx status", "nginx test", "nginx reload", "hook list", "hook run"]
    ),
    ("VALIDATE BY DNS", ["dns-providers", "dns-persist"]),
    ("ACCOUNTS AND OTHER COMMANDS", ["account", "dhparam", "explain"]),
  ]

  private func group(_ group: (title: String, commands: [String])) -> String {
    let rows = group.commands.map { words in
      let command = HelpText(arguments: words.split(separator: " ").map(String.init)).command
      let text = command.configuration.abstract
        .wrapped(to: max(20, width - 18), limit: .max, ellipsis: "")
      return "  \(words.padded(to: 16))" + text.joined(separator: "\n\("".padded(to: 18))")
    }
    return (["\(group.title):"] + rows).joined(separator: "\n")
  }

  private var footer: String {
    "Run 'certctl help COMMAND' for the options and examples of a command.\nThe manual: man certctl"
  }
}
