package import CertctlCore
package import Testing

/// Expects an error with this code and text; prints the whole error on a mismatch.
///
/// - Parameters:
///   - error: The error, or nil if none was thrown.
///   - code: The expected code; nil for any.
///   - words: Texts that the message must contain.
///   - start: The start of the message.
///   - end: The end of the message.
///   - hint: Texts that the hint must contain.
///   - comment: The name of the test case.
///   - sourceLocation: The location of the test.
package func expectError(
  _ error: CertctlError?, code: CertctlError.Code? = nil, mentions words: String...,
  startsWith start: String = "", endsWith end: String = "", hint: String..., comment: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard let error else {
    Issue.record("there is no error \(comment)", sourceLocation: sourceLocation)
    return
  }
  var all: [String] = []
  if let code, code != error.code { all.append("the code is not '\(code.rawValue)'") }
  all += faults(
    of: error.message, named: "the message", mentions: words, startsWith: start, endsWith: end)
  all += faults(of: error.hint, named: "the hint", mentions: hint)
  report(
    all, comment,
    """
    code: \(error.code.rawValue)
    message: \(error.message)
    hint: \(error.hint ?? "none")
    """, sourceLocation)
}

/// Expects a non-nil text that contains these words; prints the whole text on a mismatch.
///
/// - Parameters:
///   - text: The text, such as an error's detail.
///   - words: Texts that it must contain.
///   - start: The start of the text.
///   - end: The end of the text.
///   - comment: The name of the test case.
///   - sourceLocation: The location of the test.
package func expectText(
  _ text: String?, mentions words: String..., startsWith start: String = "",
  endsWith end: String = "", comment: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let faults = faults(of: text, named: "it", mentions: words, startsWith: start, endsWith: end)
  report(faults, comment, "text: \(text ?? "none")", sourceLocation)
}

private func faults(
  of text: String?, named name: String, mentions words: [String], startsWith start: String = "",
  endsWith end: String = ""
) -> [String] {
  guard let text else {
    return words.isEmpty && start.isEmpty && end.isEmpty ? [] : ["\(name) is missing"]
  }
  var faults = words.filter { !text.contains($0) }.map { "\(name) lacks '\($0)'" }
  if !text.hasPrefix(start) { faults.append("\(name) does not begin with '\(start)'") }
  if !text.hasSuffix(end) { faults.append("\(name) does not end with '\(end)'") }
  return faults
}

private func report(
  _ faults: [String], _ comment: String, _ whole: String, _ sourceLocation: SourceLocation
) {
  guard !faults.isEmpty else { return }
  let head = comment.isEmpty ? "" : "\(comment): "
  Issue.record(
    "\(head)\(faults.joined(separator: "; "))\n\(whole)", sourceLocation: sourceLocation)
}
