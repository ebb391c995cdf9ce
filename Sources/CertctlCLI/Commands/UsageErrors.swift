import ArgumentParser
import CertctlCore

/// A usage error in certctl's short form.
///
/// The parser adds the help of the option and a long usage line. This type replaces both with a
/// hint.
struct UsageError {
  let error: CertctlError

  /// Creates the error from the parser's error; nil if the parser only printed help or the like.
  init?(_ parserError: any Error, arguments: [String]) {
    guard !(parserError is ExitCode), CertctlCommand.exitCode(for: parserError) != .success
    else { return nil }
    if let unknown = Self.unknownCommand(in: arguments) {
      error = unknown
      return
    }
    // Some messages list the accepted values, one per line.
    let lines = CertctlCommand.message(for: parserError).split { $0.isNewline }
    let line = (lines.first ?? "").replacing(". Please provide one of", with: ": use one of")
    let message = line.hasSuffix(".") ? line.dropLast() : line[...]
    let help = Self.help(in: CertctlCommand.fullMessage(for: parserError))
    // The parser appends its suggestion to the message: ". Did you mean '--json'?"
    let suggestion = message.firstRange(of: ". Did you mean ")
    error = CertctlError(
      .usage,
      message.prefix(1).lowercased()
        + message[..<(suggestion?.lowerBound ?? message.endIndex)]
        .dropFirst(),
      hint: suggestion.map { "use \(message[$0.upperBound...].dropLast()), or \(help)" } ?? help,
      details: lines.dropFirst().map(String.init))
  }

  /// Returns the hint with the command that prints the relevant help.
  private static func help(in text: String) -> String {
    let words = text.split(separator: "'").first { $0.hasPrefix("certctl") && $0.hasSuffix("help") }
    return "run: \(words ?? "certctl --help")"
  }

  private static func unknownCommand(in arguments: [String]) -> CertctlError? {
    var command: any ParsableCommand.Type = CertctlCommand.self
    var path = "certctl"
    for word in arguments {
      let subcommands = command.configuration.subcommands
      guard !subcommands.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
      guard let next = subcommands.first(where: { $0._commandName == word }) else {
        return CertctlError(
          .usage, "no command '\(path) \(word)'",
          hint: "commands: \(subcommands.map { $0._commandName }.joined(separator: ", "))")
      }
      command = next
      path += " \(word)"
    }
    return nil
  }
}
