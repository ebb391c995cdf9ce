import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlOperations
import CertctlStore
import FoundationEssentials

/// `certctl renew`: all that is due.
struct Renew: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Renew due certificates, deploy them and run hooks.",
    usage: "certctl renew [<names> ...] [<options>]",
    discussion: """
      Examples:
        certctl renew
        certctl renew --dry-run
        certctl renew example.com --force
        systemctl enable --now certctl-renew.timer

      The timer runs this command twice a day. A certificate is due at the time that the CA \
      suggests (ARI, RFC 9773), else in the last third of its lifetime, or in the last half of a \
      short one. If nothing is due, certctl sends no request.

      Exit code 0 on success, 1 if something failed or a certificate expires soon, 75 if all \
      failures will be retried.
      """)

  @Argument(help: "Names of certificates, as shown by certctl list. Default: all.")
  var names: [String] = []

  @Flag(help: "Renew even if not due, ignoring known CA rate limits.")
  var force = false

  @Flag(
    name: .customLong("dry-run"),
    help: "Show what would be renewed and why, without contacting a CA.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "Maximum concurrent orders. Default: the CA's known limit.", valueName: "number"))
  var jobs: Int?

  @OptionGroup var settings: RenewalOptions

  @OptionGroup(title: "General") var global: GlobalOptions

  func validate() throws {
    if let jobs, !(1...1000).contains(jobs) {
      throw ValidationError("--jobs requires a number from 1 to 1000")
    }
  }

  func run() async throws {
    let exitCode = try await Bootstrap.run(global) { context, output in
      let request = RenewRequest(
        names: try names.map { try LineageName($0) }, force: force, dryRun: dryRun, jobs: jobs,
        metricsFile: settings.metricsFile, version: certctlVersion)
      let report = try await context.run(RenewOperation(request))
      // The timer's run says nothing while all is well; in the journal the log has said the rest.
      if output.json || !output.quiet || (report.exitCode != 0 && !output.isJournal) {
        output.result(
          report,
          text: report.text(
            isQuiet: output.quiet, isComplete: !names.isEmpty || output.verbose))
      }
      return report.exitCode
    }
    if exitCode != 0 { throw ExitCode(exitCode) }
  }
}

extension RenewReport {
  /// The run for a person: a line for each lineage with news, then what comes next.
  ///
  /// - Parameters:
  ///   - isQuiet: Only what needs attention.
  ///   - isComplete: Those with no news too, because the user named them or asked for all.
  /// - Returns: The text without a line break at its end.
  fileprivate func text(isQuiet: Bool, isComplete: Bool) -> TerminalText {
    let shown = certificates.filter {
      isQuiet ? $0.needsAttention : isComplete || $0.outcome != .unchanged || $0.needsAttention
    }
    var lines = shown.map(\.line)
    lines += hooks.filter { !$0.succeeded }.map { "hook: \($0.text)" }
    if isQuiet { return lines.joined(separator: "\n") }
    if certificates.isEmpty && quiet == 0 {
      lines.append("No certificates yet. To get one, run: certctl issue example.com")
    } else if shown.isEmpty {
      let count = certificates.count + quiet
      lines.append("Nothing is due (\(count == 1 ? "1 certificate" : "\(count) certificates")).")
    }
    if let next, let nextLineage, exitCode == 0, !dryRun || shown.isEmpty {
      lines.append("Next: \(nextLineage) on \(next.rfc3339).")
    }
    return lines.joined(separator: "\n")
  }
}

extension RenewalResult {
  fileprivate var needsAttention: Bool {
    deploymentError != nil || missingNames != nil
      || ![.renewed, .unchanged, .due].contains(outcome)
  }

  /// The lineage in one line, and its hint in another.
  fileprivate var line: TerminalText {
    let word =
      switch outcome {
      case .unchanged: "not due"
      case .due: "would renew"
      case .held: "held back"
      case .renewed, .postponed, .locked, .failed: outcome.rawValue
      }
    let words = (error?.lines ?? [reason]).map(TerminalText.init(escaping:))
    var text: TerminalText = "\(lineage): \(word): \(words.joined(separator: "\n"))"
    if outcome == .renewed, let notAfter { text += "; valid until \(notAfter.rfc3339)" }
    if let missingNames, outcome == .renewed {
      text += "\n  without: \(missingNames.joined(separator: ", "))"
    }
    if let hint = error?.hint { text += "\n  hint: \(hint)" }
    if let deploymentError {
      text += "\n  not deployed: \(deploymentError)"
      text += "\n  the next run deploys it again"
    }
    if needsAttention, deploymentError == nil, let next {
      text += "\n  next attempt: \(next.rfc3339)"
    }
    if isUrgent, let notAfter { text += "\n  the certificate ends on \(notAfter.rfc3339)" }
    return text
  }
}
