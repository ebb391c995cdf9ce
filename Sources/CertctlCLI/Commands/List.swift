import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlOperations
import CertctlStore
import FoundationEssentials

/// `certctl list`: lists certificates.
struct List: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List certificates with state, expiry and renewal.",
    usage: "certctl list [<options>]",
    discussion: """
      Examples:
        certctl list
        certctl list --json

      Prints a timeline on a terminal, and a plain table to a file or pipe.
      """)

  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let lineages = try await context.run(ListOperation())
      output.result(
        ListReport(certificates: lineages),
        text: lineages.isEmpty
          ? "No certificates yet. To get one, run: certctl issue example.com"
          : CertificateList(now: Date(), style: output.resultStyle).text(lineages))
    }
  }
}

private struct ListReport: Encodable {
  let version = 1
  let certificates: [LineageReport]
}

/// A lineage in JSON, as `show` and the commands that change it print it.
struct CertificateReport: Encodable {
  let version = 1
  let certificate: LineageReport
}

/// `certctl show`: shows details of a certificate.
struct Show: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show details of a certificate.",
    usage: "certctl show <name> [<options>]",
    discussion: """
      Examples:
        certctl show example.com
        certctl show example.com --json
      """)

  @Argument(help: "Name of the certificate, as shown by certctl list.") var name: String
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let lineage = try await context.run(ShowOperation(try LineageName(name), findsUses: true))
      output.result(CertificateReport(certificate: lineage), text: lineage.text)
    }
  }
}
