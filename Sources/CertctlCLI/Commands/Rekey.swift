import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlOperations
import CertctlStore

/// `certctl rekey`: issues a certificate with a new key.
struct Rekey: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Issue a certificate with a new key, even if --reuse-key is set.",
    usage: "certctl rekey <name> [<options>]",
    discussion: """
      Examples:
        certctl rekey example.com
        certctl rekey example.com --key-type ec384
        certctl rekey example.com --compromised

      Issues and deploys a certificate with a new key. With --compromised, certctl then revokes the \
      old certificate with its own key, for the reason keyCompromise. It revokes only after the new \
      certificate is served: if the deployment fails, fix the cause and run the command again.
      """)

  @Argument(help: "Name of the certificate, as shown by certctl list.") var name: String

  @Flag(help: "Revoke the old certificate because its key may be known to others.")
  var compromised = false

  @Option(
    name: .customLong("key-type"),
    help: ArgumentHelp("Type of the new key. Default: unchanged.", valueName: "type"))
  var keyType: SettingWord<KeyType>?

  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let report = try await context.run(
        RekeyOperation(
          try LineageName(name), isCompromised: compromised, keyType: keyType.flatMap(\.value)))
      output.result(report, text: text(report))
    }
  }

  private func text(_ report: RekeyReport) -> TerminalText {
    let certificate = report.certificate
    let lines: [TerminalText] = [
      "\(certificate.name) has a new key, as version \(certificate.generation ?? 0)",
      certificate.outcome(),
    ]
    let revoked: [TerminalText] = report.revoked.map {
      "Revoked the old certificate, serial \($0)"
    }
    return (lines + revoked).joined(separator: "\n")
  }
}
