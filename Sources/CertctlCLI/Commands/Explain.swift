import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlSystem

/// `certctl explain`: explains a code from `--json`.
struct Explain: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Explain an error or finding code.",
    usage: "certctl explain [<code>] [<options>]",
    discussion: """
      Examples:
        certctl explain challengeFailed
        certctl explain rateLimited
        certctl explain

      Prints the cause, effect and cure of a code from --json, and of the error types that CAs \
      send. Works offline. Without a code, lists all codes.
      """)

  @Argument(help: "The code, such as challengeFailed. Default: list all codes.")
  var code: String?
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.runAlone(global) { output, _ in
      guard let code else {
        return output.result(ExplanationList(codes: Explanation.all), text: Self.list)
      }
      let found = Explanation.of(code)
      guard !found.isEmpty else {
        throw CertctlError(
          .notFound, "no explanation of '\(code)'", hint: Self.hint(for: code))
      }
      output.result(
        ExplanationList(codes: found), text: found.map(\.text).joined(separator: "\n\n"))
    }
  }

  /// Returns a hint with the codes that resemble a mistyped one.
  private static func hint(for code: String) -> String {
    let word = code.lowercased()
    let near = Explanation.all.map(\.code).filter {
      let other = $0.lowercased()
      return word.count > 2 && (other.contains(word) || word.contains(other))
    }
    return near.isEmpty
      ? "list all codes: certctl explain"
      : "similar codes: \(Set(near).sorted().joined(separator: ", "))"
  }

  private static var list: TerminalText {
    let style = TerminalStyle(of: .standardOutput)
    let parts: [(Explanation.Kind, TerminalText)] = [
      (.error, "ERRORS (error.code)"), (.finding, "FINDINGS (findings[].code)"),
      (.problem, "PROBLEMS OF THE CA (error.problem.type)"),
    ]
    return parts.map { kind, heading -> TerminalText in
      let rows = Explanation.all.filter { $0.kind == kind }
      let width = rows.reduce(0) { max($0, $1.code.displayWidth) }
      let lines = rows.map { row -> TerminalText in
        "  \(row.code.padded(to: width))  \(row.cause.firstSentence)"
      }
      return
        ([heading] + lines.map { $0.fitted(to: style.width ?? .max, ellipsis: style.ellipsis) })
        .joined(separator: "\n")
    }
    .joined(separator: "\n\n")
  }
}

private struct ExplanationList: Encodable {
  let version = 1
  let codes: [Explanation]
}

extension Explanation {
  /// The explanation as text.
  fileprivate var text: TerminalText {
    let kind: TerminalText =
      switch kind {
      case .error: "error"
      case .finding: "finding"
      case .problem: "problem of the CA"
      }
    let parts: [(TerminalText, String)] = [("cause", cause), ("effect", effect), ("cure", cure)]
    return
      (["\(code) (\(kind))"]
      + parts.map { label, text in
        "  \(label.padded(to: 8))"
          + text.wrapped(to: 70, limit: 20, ellipsis: "").map(TerminalText.init(escaping:))
          .joined(separator: "\n          ")
      })
      .joined(separator: "\n")
  }
}

extension String {
  /// The text up to its first colon, semicolon, or full stop at the end of a sentence.
  fileprivate var firstSentence: String {
    let ends: [String] = [": ", "; ", ". "]
    let end = indices.first { index in ends.contains { self[index...].hasPrefix($0) } }
    return String(self[..<(end ?? endIndex)].reversed().drop { $0 == "." }.reversed())
  }
}
