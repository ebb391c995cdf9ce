import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlOperations
import CertctlStore
import FoundationEssentials

/// `certctl list`: what there is, and until when.
struct List: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the certificates: state, end, renewal.",
    usage: "certctl list [<options>]",
    discussion: """
      Examples:
        certctl list
        certctl list --json

      A terminal gets a timeline of each certificate; a file or pipe gets a plain table.
      """)

  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let lineages = try await context.run(ListOperation())
      output.result(
        ListReport(certificates: lineages),
        text: lineages.isEmpty
          ? "There are no certificates yet: certctl issue example.com"
          : CertificateList(now: Date(), style: output.resultStyle).text(lineages))
    }
  }
}

private struct ListReport: Encodable {
  let version = 1
  let certificates: [LineageReport]
}

/// One lineage, as `show` and the commands that change it print it.
struct CertificateReport: Encodable {
  let version = 1
  let certificate: LineageReport
}

/// `certctl show`: all about one certificate.
struct Show: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show all about one certificate.",
    usage: "certctl show <name> [<options>]",
    discussion: """
      Examples:
        certctl show example.com
        certctl show example.com --json
      """)

  @Argument(help: "The certificate's name, as certctl list shows it.") var name: String
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let lineage = try await context.run(ShowOperation(try LineageName(name)))
      output.result(CertificateReport(certificate: lineage), text: lineage.text)
    }
  }
}

extension LineageReport {
  /// The lineage for a person, one fact a line; what is not known is left out.
  var text: TerminalText {
    let indent = TerminalText("").padded(to: 14)
    return (certificateFacts + renewalFacts).compactMap { label, value -> TerminalText? in
      value.map { value in
        let lines = value.split(omittingEmptySubsequences: false) { $0.isNewline }
          .map { TerminalText(escaping: String($0)) }
        return "\(label.padded(to: 14))\(lines.joined(separator: "\n\(indent)"))"
      }
    }
    .joined(separator: "\n")
  }

  private typealias Facts = [(label: String, value: String?)]

  private var certificateFacts: Facts {
    [
      ("name", name), ("state", state.rawValue),
      ("problem", damage.map { ([$0.message] + $0.hintLines).joined(separator: "\n") }),
      ("names", names.joined(separator: ", ")),
      ("without", missingNames?.joined(separator: ", ")), ("CA", authority),
      ("issued by", directoryURL),
      ("challenge", challenge), ("records by", dns), ("key type", keyType), ("issuer", issuer),
      ("serial", serial),
      ("SHA-256", sha256), ("valid from", notBefore?.rfc3339), ("valid until", notAfter?.rfc3339),
      ("obtained", obtained?.rfc3339),
    ]
  }

  private var renewalFacts: Facts {
    [
      ("renews", renewAt?.rfc3339), ("because", renewReason),
      ("CA suggests", suggestion.map { "\($0.start.rfc3339) to \($0.end.rfc3339)" }),
      ("see", suggestion?.explanationURL), ("failures", failures.map { "\($0) in a row" }),
      ("last failure", lastFailure.map { "\($0.date.rfc3339): \($0.message)" }),
      ("deployment", deployment?.words), ("failure", deploymentFailure),
      ("generation", generation.map(String.init)),
      ("kept", generations.map { $0.map(String.init).joined(separator: ", ") }),
      ("certificate", fullchain), ("key", privkey),
      ("RSA", rsa.map { "\($0.keyType), serial \($0.serial), until \($0.notAfter.rfc3339)" }),
      ("RSA chain", rsa?.fullchain), ("RSA key", rsa?.privkey),
    ]
  }
}
