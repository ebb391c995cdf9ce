import ArgumentParser
import CertctlBase
import CertctlOperations
import CertctlStore
import FoundationEssentials

/// `certctl hook`: lists and tests the user's hooks.
struct HookCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hook",
    abstract: "List hooks, or run them as a test.",
    usage: "certctl hook <command> [<options>]",
    discussion: """
      Examples:
        certctl hook list
        certctl hook run reload-postfix --certificate example.com
        certctl hook run --event notify

      Hooks are executables in /etc/certctl/hooks/{pre,deploy,post,notify}.d, or in hooks/ beside \
      the file of --config. They run in the byte order of their names, without a shell. Only root and the user \
      who runs certctl may own or write to a hook and the directories above it.
      """,
    subcommands: [HookList.self, HookRun.self])
}

struct HookList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List hooks in order, including those that do not run.",
    usage: "certctl hook list [<options>]",
    discussion: """
      Examples:
        certctl hook list
        certctl hook list --json
      """)

  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    // An invalid configuration must not prevent this: hooks may be there to report it.
    try await Bootstrap.run(global, needsConfiguration: false) { context, output in
      let hooks = try await context.run(ListHooksOperation())
      let folder = context.hooks.directory
      output.result(
        HookListReport(directory: folder, hooks: hooks),
        text: hooks.isEmpty
          ? "No hooks in \(folder)" : hooks.map(\.text).joined(separator: "\n"))
    }
  }
}

private struct HookListReport: Encodable {
  let version = 1
  let directory: String
  let hooks: [HookReport]
}

extension HookReport {
  /// The hook as text.
  fileprivate var text: TerminalText {
    let whose = lineage.map { " (\($0) only)" } ?? ""
    let line: TerminalText = "\(event.rawValue.padded(to: 8))\(path)\(whose)"
    return ([line] + findings.map { $0.text(indent: 8) }).joined(separator: "\n")
  }
}

struct HookRun: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run one hook, or all hooks of an event, as a test.",
    usage: "certctl hook run [<name>] [<options>]",
    discussion: """
      Examples:
        certctl hook run reload-postfix --certificate example.com
        certctl hook run 10-stop-squid --event pre
        certctl hook run --event notify --message "This is a test."

      Exit code 1 if a hook fails. certctl shows the output of each hook.
      """)

  @Argument(help: "File name or path of the hook. Default: all hooks of the event.")
  var name: String?

  @Option(help: "The event to simulate.") var event = HookEventWord.deploy

  // `--lineage` is an alias, because hooks get the name in CERTCTL_LINEAGE.
  @Option(
    name: [.customLong("certificate"), .customLong("lineage")],
    help: ArgumentHelp(
      "Certificate to pass to the hook. Default for deploy: the only one.", valueName: "name"))
  var lineage: String?

  @Option(help: ArgumentHelp("Message for a notify hook.", valueName: "text"))
  var message: String?

  @OptionGroup(title: "General") var global: GlobalOptions

  func validate() throws {
    if message != nil && event != .notify {
      throw ValidationError("--message requires --event notify")
    }
  }

  func run() async throws {
    // An invalid configuration must not prevent this: hooks may be there to report it.
    let isWell = try await Bootstrap.run(global, needsConfiguration: false) { context, output in
      let results = try await context.run(
        TryHooksOperation(
          named: name, event: event.event, lineage: try lineage.map { try LineageName($0) },
          notice: message.map { HookNotice(reason: .runFailed, message: $0) }))
      output.result(
        HookRunReport(hooks: results),
        text: results.isEmpty
          ? "No \(event.rawValue) hooks in \(context.hooks.directory)/\(event.rawValue).d"
          : results.map(\.text).joined(separator: "\n"))
      return results.allSatisfy(\.succeeded)
    }
    if !isWell { throw ExitCode.failure }
  }
}

/// The name of an event on the command line.
enum HookEventWord: String, ExpressibleByArgument, CaseIterable {
  case pre, deploy, post, notify

  var event: HookEvent {
    switch self {
    case .pre: .pre
    case .deploy: .deploy
    case .post: .post
    case .notify: .notify
    }
  }
}

private struct HookRunReport: Encodable {
  let version = 1
  let hooks: [HookResult]
}

extension HookResult {
  /// The result as text: a sentence, then hints and the output of the hook.
  var text: TerminalText { TerminalText(sentence, details: details) }

  /// The result as a sentence.
  var sentence: String {
    let words = message.prefix(1).uppercased() + message.dropFirst()
    return "\(words)\(seconds > 0 ? " after \(seconds) s" : "")."
  }

  /// The lines below the sentence: hints and the output of the hook.
  var details: [String] {
    let advice = findings.flatMap(\.hintLines)
    guard !output.isEmpty else { return advice }
    let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
    return advice + lines.dropLast(output.hasSuffix("\n") ? 1 : 0).map { "| \($0)" }
  }
}
