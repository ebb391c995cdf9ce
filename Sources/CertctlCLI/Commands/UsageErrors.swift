import ArgumentParser
import CertctlCore

/// A mistake on the command line, in certctl's short form.
///
/// The parser adds the help of the option and a long usage line; a user needs the mistake and
/// where to read on.
struct UsageError {
  let error: CertctlError

  /// Creates the error for what the parser threw; nil for a request for help and the like.
  init?(_ parserError: any Error, arguments: [String]) {
    guard !(parserError is ExitCode), CertctlCommand.exitCode(for: parserError) != .success
    else { return nil }
    if let unknown = Self.unknownCommand(in: arguments) {
      error = unknown
      return
    }
    // Some list the accepted values, one per line.
    let lines = CertctlCommand.message(for: parserError).split { $0.isNewline }
    let line = (lines.first ?? "").replacing(". Please provide one of", with: ": use one of")
    let message = line.hasSuffix(".") ? line.dropLast() : line[...]
    error = CertctlError(
      .usage, message.prefix(1).lowercased() + message.dropFirst(),
      hint: Self.help(in: CertctlCommand.fullMessage(for: parserError)),
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
