import ArgumentParser
import Certctl
import FoundationEssentials
import HostIO

/// `certctl list`: what there is, and until when.
struct List: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the certificates: state, end, renewal.",
    usage: "certctl list [<options>]",
    discussion: """
      Examples:
        certctl list
        certctl list --json
      """)

  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { manager, output in
      let lineages = try await manager.list()
      output.result(
        ListReport(certificates: lineages),
        text: lineages.isEmpty
          ? "There are no certificates yet: certctl issue example.com" : table(lineages))
    }
  }

  private func table(_ lineages: [LineageReport]) -> String {
    let rows = [["NAME", "STATE", "EXPIRES", "RENEWS", "NAMES"]] + lineages.map(row)
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }
      return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
    }
    .joined(separator: "\n")
  }

  private func row(_ lineage: LineageReport) -> [String] {
    [
      lineage.name, lineage.state.rawValue, lineage.notAfter.map(withDaysLeft) ?? "-",
      lineage.renewAt.map(day) ?? "-",
      lineage.problem.map(escapedForTerminal) ?? lineage.names.joined(separator: ", "),
    ]
  }

  private func day(_ date: Date) -> String { String(date.rfc3339.prefix(10)) }

  private func withDaysLeft(_ date: Date) -> String {
    let days = Int((date.timeIntervalSinceNow / 86400).rounded(.down))
    return "\(day(date)) (\(days == 1 ? "1 day" : "\(days) days"))"
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
    try await Bootstrap.run(global) { manager, output in
      let lineage = try await manager.show(try LineageName(name))
      output.result(CertificateReport(certificate: lineage), text: lineage.text)
    }
  }
}

extension LineageReport {
  /// The lineage for a person, one fact a line; what is not known is left out.
  var text: String {
    let facts: [(String, String?)] = [
      ("name", name), ("state", state.rawValue), ("problem", problem.map(escapedForTerminal)),
      ("names", names.joined(separator: ", ")), ("CA", authority), ("challenge", challenge),
      ("key type", keyType), ("issuer", issuer.map(escapedForTerminal)), ("serial", serial),
      ("SHA-256", sha256), ("valid from", notBefore?.rfc3339), ("valid until", notAfter?.rfc3339),
      ("renews", renewAt?.rfc3339), ("generation", generation.map(String.init)),
      ("kept", generations.map { $0.map(String.init).joined(separator: ", ") }),
      ("certificate", fullchain), ("key", privkey),
      (
        "last failure",
        lastFailure.map { "\($0.date.rfc3339): \(escapedForTerminal($0.message))" }
      ),
    ]
    return facts.compactMap { label, value in
      value.map { label + String(repeating: " ", count: 14 - label.count) + $0 }
    }
    .joined(separator: "\n")
  }
}
