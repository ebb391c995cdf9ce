import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlOperations
import CertctlStore

/// `certctl rekey`: a new key and certificate, now.
struct Rekey: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Give a certificate a new key, also with --reuse-key.",
    usage: "certctl rekey <name> [<options>]",
    discussion: """
      Examples:
        certctl rekey example.com
        certctl rekey example.com --key-type ec384
        certctl rekey example.com --compromised

      A new certificate with a new key is issued and deployed. With --compromised the old one is \
      then revoked, by its own key and for the reason keyCompromise; not before, so that no server \
      is left with a revoked certificate. If the deployment fails, nothing is revoked: put it \
      right and run the same command again.
      """)

  @Argument(help: "The certificate's name, as certctl list shows it.") var name: String

  @Flag(help: "Somebody else may know the old key: revoke the old certificate.")
  var compromised = false

  @Option(
    name: .customLong("key-type"),
    help: ArgumentHelp("The new key's type. Default: as before.", valueName: "type"))
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
