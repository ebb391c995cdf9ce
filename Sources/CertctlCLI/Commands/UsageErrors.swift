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
    let lines = CertctlCommand.message(for: parserError).split { $0.isNewline }.map(String.init)
    let help = Self.help(in: CertctlCommand.fullMessage(for: parserError))
    var (message, suggestion) = Self.parts(of: lines.first ?? "")
    message = message.prefix(1).lowercased() + message.dropFirst()
    // Below the message are the accepted values, one per line, or a hint of certctl.
    let mark = "hint: "
    let hint =
      lines.dropFirst().first { $0.hasPrefix(mark) }.map { String($0.dropFirst(mark.count)) }
      ?? suggestion.map { "use \($0), or \(help)" } ?? help
    error = CertctlError(
      .usage, message, hint: hint,
      details: lines.dropFirst().filter { !$0.hasPrefix(mark) })
  }

  /// Returns the parser's message in certctl's form, and what it suggests instead.
  private static func parts(of line: String) -> (message: String, suggestion: String?) {
    let mark = ". Did you mean "
    if let place = line.firstRange(of: mark) {
      return (String(line[..<place.lowerBound]), String(line[place.upperBound...].dropLast()))
    }
    let message = line.replacing(". Please provide one of", with: ": use one of")
    return (message.hasSuffix(".") ? String(message.dropLast()) : message, nil)
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
