import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlStore
import CertctlSystem
import Synchronization

/// The result of `certctl dhparam` in JSON.
struct DHParametersReport: Encodable {
  let version = 1
  let bits: Int
  /// The file; nil if the PEM is in `pem`.
  let file: String?
  var pem: String?
  /// The name of the published group; nil for new parameters.
  var group: String?
  var isChanged = true
  /// The number of candidates that the search tried.
  var candidates: Int?

  init(bits: Int, file: String?) {
    self.bits = bits
    self.file = file
  }

  mutating func fill(_ parameters: DHParameters, isChanged: Bool) {
    self.isChanged = isChanged
    group = parameters.group
    if file == nil { pem = String(decoding: parameters.pem, as: UTF8.self) }
  }

  /// Returns the PEM, or a sentence about the file it was written to.
  func text(_ parameters: DHParameters) -> TerminalText {
    guard let file else {
      return TerminalText(raw: String(decoding: parameters.pem.dropLast(), as: UTF8.self))
    }
    let what = group.map { "\($0) (RFC 7919)" } ?? "a new safe prime"
    return isChanged
      ? "Wrote \(file): \(what), \(bits) bits."
      : "Nothing to do: \(file) already contains \(what)."
  }
}

/// The result of `certctl dhparam --check` in JSON.
struct DHCheckReport: Encodable {
  let version = 1
  let file: String
  let bits: Int
  let group: String?
  let isSafePrime: Bool?
  let isFine: Bool
  let problems: [String]
  let remarks: [String]
  let findings: [Finding]

  init(file: String, _ parameters: DHParameters, _ check: DHCheck) {
    self.file = file
    bits = parameters.bits
    group = parameters.group
    isSafePrime = check.isSafePrime
    isFine = check.isFine
    problems = check.problems
    remarks = check.remarks
    findings =
      problems.map { Finding(.error, .parametersUnusable, subject: file, $0) }
      + remarks.map { Finding(.notice, .parametersWeak, subject: file, $0) }
  }

  var text: TerminalText {
    let name = group.map { ", \($0)" } ?? (isSafePrime == true ? ", a safe prime" : "")
    let verdict =
      "\(file): \(isFine ? "ok" : "not usable"), \(bits) bits\(name)"
    return ([TerminalText(escaping: verdict)] + findings.map { $0.text(indent: 2) })
      .joined(separator: "\n")
  }
}

/// The progress of a search: a bar on a terminal, else one line once an estimate is possible.
final class DHProgressDisplay: Sendable {
  private let output: Output
  private let line: ProgressLine
  private let state = Mutex(State())

  private struct State {
    var candidates = 0
    var hasEstimated = false
  }

  init(_ output: Output, _ line: ProgressLine) {
    self.output = output
    self.line = line
  }

  /// The number of candidates tried so far.
  var candidates: Int { state.withLock { $0.candidates } }

  func show(_ progress: DHProgress) {
    let isFirst = state.withLock { state in
      state.candidates = progress.candidates
      defer { state.hasEstimated = state.hasEstimated || progress.rate != nil }
      return progress.rate != nil && !state.hasEstimated
    }
    if output.canDraw {
      line.draw(Self.bar(progress, width: Terminal.width(of: .standardError) ?? 80))
    } else if isFirst, let estimate = Self.estimate(progress) {
      output.note("\(progress.threads) threads: \(estimate)")
    }
  }

  /// Returns the bar with as much text as fits.
  static func bar(_ progress: DHProgress, width: Int) -> String {
    let length = 20
    let filled = min(length, Int(progress.shareDone * Double(length)))
    let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: length - filled)
    let percent = Int(progress.shareDone * 100)
    let short = "[\(bar)] \(percent) %"
    let tries = "\(progress.candidates) of about \(Int(progress.expectedCandidates.rounded()))"
    let all = [short, "\(short), \(tries)", estimate(progress).map { "\(short), \($0)" }]
    // Some terminals wrap when the last column is used.
    return all.compactMap { $0 }.last { $0.count < width } ?? ""
  }

  /// Returns the estimated end; nil while it is unknown.
  static func estimate(_ progress: DHProgress) -> String? {
    guard let median = progress.median, let ninety = progress.ninetyPercent else { return nil }
    return "50 % chance within \(words(median)), 90 % within \(words(ninety))"
  }

  /// Returns a duration with about two digits, because it is an estimate.
  static func words(_ duration: Duration) -> String {
    let seconds = Int((duration / .seconds(1)).rounded(.up))
    switch seconds {
    case ..<120: return "\(seconds) s"
    case ..<7200: return "\((seconds + 30) / 60) min"
    case ..<172_800: return "\((seconds + 1800) / 3600) h"
    default: return "\((seconds + 43200) / 86400) days"
    }
  }
}
