import ArgumentParser
import Certctl
import PKI

/// The root of the command line: `certctl`.
@main
struct CertctlCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certctl",
    abstract: "Keeps the TLS certificates of an nginx host right.",
    discussion: """
      Get a certificate, with nothing listening on port 80:
        certctl issue example.com www.example.com --agree-tos
      Get it through the web server that holds port 80:
        certctl issue example.com --webroot /var/www/html --agree-tos
      See what there is, and until when:
        certctl list

      Exit codes: 0 done or nothing due, 1 failed, 64 wrong usage, 75 try later, 78 wrong \
      configuration.
      """,
    version: certctlVersion,
    subcommands: [
      Issue.self, List.self, Show.self, Revoke.self, Delete.self, Rollback.self, AccountCommand.self,
    ])

  static func main() async {
    ProcessExit.keepOpenSSL()
    let arguments = Array(CommandLine.arguments.dropFirst())
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
  }

  /// Ends with the message and exit code of an error of the argument parser.
  private static func exit(reporting error: any Error, arguments: [String]) -> Never {
    let code = exitCode(for: error)
    // What failed inside a command was printed there; only its exit code is left to give.
    guard !(error is ExitCode), code != .success, arguments.contains("--json") else {
      exit(withError: error)
    }
    Output(json: true, quiet: false, verbose: false)
      .fail(CertctlError(.usage, message(for: error), hint: "see certctl --help"))
    exit(withError: code)
  }
}
