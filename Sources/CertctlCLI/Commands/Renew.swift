import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlOperations
import CertctlStore
import FoundationEssentials

/// `certctl renew`: renews due certificates.
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
      short one. If nothing is due and no CA needs to be asked, certctl sends no request.

      Exit code 0 on success, 75 if every failure will be retried in time, 78 if the configuration is wrong, 1 otherwise.
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
      // With --quiet, print only failures; in the journal, the log already has them.
      if output.json || !output.quiet || (report.exitCode != 0 && !output.isJournal) {
        output.result(
          report,
          text: report.text(
            isQuiet: output.quiet, isComplete: !names.isEmpty || output.verbose,
            brevity: output.resultBrevity))
      }
      return report.exitCode
    }
    if exitCode != 0 { throw ExitCode(exitCode) }
  }
}

extension RenewReport {
  /// Returns the run as text: a line for each lineage with news, then the next renewal.
  ///
  /// - Parameters:
  ///   - isQuiet: Whether to include only what needs attention.
  ///   - isComplete: Whether to include lineages without news.
  ///   - brevity: Shortens messages; nil leaves them whole.
  /// - Returns: The text without a trailing line break.
  func text(isQuiet: Bool, isComplete: Bool, brevity: Brevity?) -> TerminalText {
    var brevity = brevity
    let shown = certificates.filter {
      isQuiet ? $0.needsAttention : isComplete || $0.outcome != .unchanged || $0.needsAttention
    }
    var lines = shown.map { $0.text(TimeText(), &brevity) }
    lines += hooks.filter { !$0.succeeded }.map { "hook: \($0.text)" }
    if brevity?.hasCut == true { lines.append("hint: \(Brevity.hint)") }
    if isQuiet { return lines.joined(separator: "\n") }
    if certificates.isEmpty && quiet == 0 {
      lines.append("No certificates yet. To get one, run: certctl issue example.com")
    } else if shown.isEmpty {
      let count = certificates.count + quiet
      lines.append("Nothing is due (\(count == 1 ? "1 certificate" : "\(count) certificates")).")
    }
    if let next, let nextLineage, exitCode == 0, !dryRun || shown.isEmpty {
      lines.append("Next renewal: \(nextLineage), \(next.forPeople)")
    }
    return lines.joined(separator: "\n")
  }
}

extension RenewalResult {
  fileprivate var needsAttention: Bool {
    deploymentError != nil || missingNames != nil
      || ![.renewed, .unchanged, .due].contains(outcome)
  }

  private var word: String {
    switch outcome {
    case .unchanged: "not due"
    case .due: "would renew"
    case .held: "waiting"
    case .locked: "in use by another certctl"
    case .renewed, .postponed, .failed: outcome.rawValue
    }
  }

  /// Returns the result as text: the certificate with its outcome, and details below it.
  fileprivate func text(_ times: TimeText, _ brevity: inout Brevity?) -> TerminalText {
    var words = (error?.lines ?? [reason]).map { Talk.safe(times.rewritten($0)) }
    if brevity != nil {
      let details = brevity?.shortened(Array(words.dropFirst())) ?? []
      words = [brevity?.shortened(words[0]) ?? words[0]] + details
    }
    let deployment = deploymentError.map { times.rewritten($0) }
    let notes: [(label: String, text: String?)] = [
      ("expires ", outcome == .renewed ? notAfter.map(times.text) : nil),
      ("missing: ", outcome == .renewed ? missingNames?.joined(separator: ", ") : nil),
      ("hint: ", error?.hint.map(times.rewritten)),
      ("not deployed: ", deployment.map { brevity?.shortened($0) ?? $0 }),
      ("", deployment == nil ? nil : "the next run deploys it again"),
      (
        "next attempt: ",
        needsAttention && deployment == nil ? next.map(times.dueText) : nil
      ),
      ("the certificate expires ", isUrgent ? notAfter.map(times.text) : nil),
    ]
    let below = notes.compactMap { label, text -> TerminalText? in
      text.map { "  \(label)\($0)" }
    }
    let head: TerminalText = "\(lineage): \(word): \(TerminalText(raw: words[0]))"
    return ([head] + words.dropFirst().map { TerminalText(raw: $0) } + below)
      .joined(separator: "\n")
  }
}
