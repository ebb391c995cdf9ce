import ArgumentParser
import CertctlCore
import CertctlSystem

/// The root of the command line: `certctl`.
@main
struct CertctlCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certctl",
    abstract: "Manages TLS certificates for nginx.",
    usage: "certctl <command> [<options>]",
    discussion: """
      Examples:
        certctl site add app.example.com http://127.0.0.1:8080 --agree-tos
        certctl issue example.com www.example.com --agree-tos
        systemctl enable --now certctl-renew.timer
        certctl list

      Exit codes: 0 done or nothing due, 1 failed, 64 wrong usage, 75 try later, 78 wrong \
      configuration.
      """,
    version: certctlVersion,
    subcommands: [
      Issue.self, Renew.self, List.self, Show.self, Revoke.self, Delete.self, Rollback.self,
      Rekey.self,
      AccountCommand.self, SiteCommand.self, NginxCommand.self, HookCommand.self, DHParam.self,
      DNSProviders.self, DNSPersist.self, Explain.self,
    ])

  static func main() async {
    Terminal.openMissing()
    let arguments = GlobalOptions.moved(behindCommand: Array(CommandLine.arguments.dropFirst()))
    // Scripts and monitoring call this often; skipping the parser halves the start-up time.
    if arguments == ["--version"] { return print(certctlVersion) }
    do {
      var command = try parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      exit(reporting: error, arguments: arguments)
    }
    Terminal.endProcess(0)
  }

  /// Ends the process with the message and exit code of a parser error.
  private static func exit(reporting error: any Error, arguments: [String]) -> Never {
    // The command has already printed its error.
    if let code = error as? ExitCode { Terminal.endProcess(code.rawValue) }
    guard let mistake = UsageError(error, arguments: arguments)?.error else {
      let text = fullMessage(for: error)
      guard text.hasPrefix("OVERVIEW: ") else { exit(withError: error) }
      let help = HelpText(arguments: arguments)
      // Without arguments, the help is a usage error.
      let isAsked = !arguments.isEmpty
      Terminal.write(help.arranged(text) + "\n", to: isAsked ? .standardOutput : .standardError)
      Terminal.endProcess(isAsked ? 0 : 64)
    }
    Output(json: arguments.contains("--json"), quiet: false, verbose: false).fail(mistake)
    exit(withError: ExitCode(mistake.exitCode))
  }
}
