import ArgumentParser
import CertctlBase
import CertctlOperations

/// `certctl nginx`: tests, reloads and checks the nginx processes on this host.
struct NginxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nginx",
    abstract: "Test, reload and check nginx.",
    usage: "certctl nginx <command> [<options>]",
    discussion: """
      Examples:
        certctl nginx status
        certctl nginx test
        certctl nginx reload

      These commands apply to every nginx on this host, and in the containers that sites and certctl.toml name. certctl uses the configuration that each nginx was started with. \
      certctl never starts nginx. certctl issue and renew reload nginx automatically.
      """,
    subcommands: [NginxStatus.self, NginxTest.self, NginxReload.self])
}

struct NginxStatus: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show which certificates nginx uses and serves.",
    usage: "certctl nginx status [<options>]",
    discussion: """
      Examples:
        certctl nginx status
        certctl nginx status --json

      Exit code 1 if nginx rejects its configuration, or serves a certificate other than the current one.
      """)

  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws { try await runNginx(.status, global) }
}

struct NginxTest: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Test the configuration of the running nginx.",
    usage: "certctl nginx test [<options>]",
    discussion: """
      Examples:
        certctl nginx test
      """)

  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws { try await runNginx(.test, global) }
}

struct NginxReload: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract: "Test and reload nginx, then verify with TLS handshakes.",
    usage: "certctl nginx reload [<options>]",
    discussion: """
      Examples:
        certctl nginx reload

      Uses systemd if systemd runs nginx. certctl does not reload a configuration that nginx rejects.
      """)

  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws { try await runNginx(.reload, global) }
}

private func runNginx(_ action: NginxOperation.Action, _ global: GlobalOptions) async throws {
  let isWell = try await Bootstrap.run(global) { context, output in
    let reports = try await context.run(NginxOperation(action))
    output.result(
      NginxListReport(nginx: reports), text: reports.map(\.text).joined(separator: "\n"))
    return reports.allSatisfy(\.isWell)
  }
  if !isWell { throw ExitCode.failure }
}

private struct NginxListReport: Encodable {
  let version = 1
  let nginx: [NginxReport]
}

extension NginxReport {
  /// The nginx as text: process and configuration, then a line for each certificate.
  fileprivate var text: TerminalText {
    var lines: [TerminalText] = [
      "\(executable), process \(pid)" + (unit.map { ", \($0)" } ?? "")
        + (container.map { ", container \($0)" } ?? "")
    ]
    lines.append(fault?.text(indent: 2, label: "configuration") ?? "  configuration: ok")
    for use in certificates {
      lines.append(
        use.finding?.text(indent: 2, label: use.lineage)
          ?? "  \(use.lineage): \(use.addresses.joined(separator: ", "))")
    }
    if certificates.isEmpty { lines.append("  uses no certificate from certctl") }
    return lines.joined(separator: "\n")
  }
}
