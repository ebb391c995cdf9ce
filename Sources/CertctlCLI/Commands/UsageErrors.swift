import ArgumentParser
import CertctlCore

/// A mistake on the command line, in certctl's own short form.
///
/// The parser's own errors come with the help of the option and a usage line of many options; what
/// a person needs is the mistake and where to read on.
struct UsageError {
  let error: CertctlError

  /// The mistake that the parser found; nil when it was asked for help or the like.
  init?(_ parserError: any Error, arguments: [String]) {
    guard !(parserError is ExitCode), CertctlCommand.exitCode(for: parserError) != .success
    else { return nil }
    if let unknown = Self.unknownCommand(in: arguments) {
      error = unknown
      return
    }
    // Some list what an option takes, a line each.
    let lines = CertctlCommand.message(for: parserError).split { $0.isNewline }
    let message = lines.first ?? ""
    error = CertctlError(
      .usage, message.prefix(1).lowercased() + message.dropFirst(),
      hint: Self.help(in: CertctlCommand.fullMessage(for: parserError)),
      details: lines.dropFirst().map(String.init))
  }

  /// The command that shows the help for what was typed, as the parser names it.
  private static func help(in text: String) -> String {
    let words = text.split(separator: "'").first { $0.hasPrefix("certctl") && $0.hasSuffix("help") }
    return "see \(words ?? "certctl --help")"
  }

  private static func unknownCommand(in arguments: [String]) -> CertctlError? {
    var command: any ParsableCommand.Type = CertctlCommand.self
    var path = "certctl"
    for word in arguments {
      let subcommands = command.configuration.subcommands
      guard !subcommands.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
      guard let next = subcommands.first(where: { $0._commandName == word }) else {
        return CertctlError(
          .usage, "there is no command '\(path) \(word)'",
          hint: "there is: \(subcommands.map { $0._commandName }.joined(separator: ", "))")
      }
      command = next
      path += " \(word)"
    }
    return nil
  }
}
