/// A line that nginx wrote, without what only its log needs.
///
/// nginx writes what it refuses in two forms, ngx_log_error_core() in its src/core/ngx_log.c:
///
///     nginx: [emerg] unexpected "}" in /etc/nginx/nginx.conf:7
///     2026/11/30 12:00:00 [emerg] 123#123: unexpected "}" in /etc/nginx/nginx.conf:7
struct NginxMessage: Hashable, Sendable {
  /// How bad it is in nginx's word, such as `emerg` or `warn`; nil for a line without one.
  let level: String?
  /// What it says.
  let text: String

  /// Levels that are the reason for a failure, and not beside it.
  private static let failures: Set<String> = ["emerg", "alert", "crit", "error"]
  private static let levels = failures.union(["warn", "notice", "info", "debug"])

  /// Reads a line; one of another form is kept as it is.
  init(_ line: some StringProtocol) {
    let line = Self.trimmed(line)
    var rest = line[...]
    if rest.hasPrefix("nginx: ") {
      rest = rest.dropFirst("nginx: ".count)
    } else if let message = Self.withoutTime(rest) {
      rest = message
    }
    guard let (level, text) = Self.level(rest) else {
      (self.level, self.text) = (nil, line)
      return
    }
    // The numbers of process and thread, and of the connection, stand in logs only.
    (self.level, self.text) = (level, String(Self.withoutNumbers(text)))
  }

  /// Whether the line tells why nginx fails.
  var isFailure: Bool { level.map(Self.failures.contains) ?? false }

  /// The first three things that nginx says against something, as one line.
  ///
  /// What it says in both forms is told once. Where it says why it fails, what it says beside that,
  /// such as warnings and the sentence that a test failed, is left out.
  static func summary(of output: String) -> String {
    var messages: [NginxMessage] = []
    for line in output.split(whereSeparator: \.isNewline) {
      let message = NginxMessage(line)
      if !message.text.isEmpty && !messages.contains(where: { $0.text == message.text }) {
        messages.append(message)
      }
    }
    let failures = messages.filter(\.isFailure)
    let told = (failures.isEmpty ? messages : failures).prefix(3).map(\.text)
    return told.isEmpty ? "it said nothing" : told.joined(separator: "; ")
  }

  // MARK: - Parts of a line

  private static func trimmed(_ line: some StringProtocol) -> String {
    var text = Substring(line).drop { $0 == " " }
    while let last = text.last, last == " " || last.isNewline { text.removeLast() }
    return String(text)
  }

  /// What stands behind "2026/11/30 12:00:00 "; nil for a line that does not begin so.
  private static func withoutTime(_ line: Substring) -> Substring? {
    let shape = "0000/00/00 00:00:00 "
    guard line.count > shape.count else { return nil }
    let hasShape = zip(line, shape).allSatisfy { character, expected in
      expected == "0" ? character.isASCII && character.isNumber : character == expected
    }
    return hasShape ? line.dropFirst(shape.count) : nil
  }

  /// The level and the rest of "[emerg] rest".
  private static func level(_ line: Substring) -> (level: String, rest: Substring)? {
    guard line.hasPrefix("["), let end = line.firstRange(of: "] ") else { return nil }
    let word = String(line[line.index(after: line.startIndex)..<end.lowerBound])
    return levels.contains(word) ? (word, line[end.upperBound...]) : nil
  }

  /// What stands behind "123#123: " and "*7 ".
  private static func withoutNumbers(_ text: Substring) -> Substring {
    func isNumber(_ word: Substring) -> Bool {
      !word.isEmpty && word.allSatisfy { $0.isASCII && $0.isNumber }
    }
    guard let colon = text.firstRange(of: ": ") else { return text }
    let words = text[..<colon.lowerBound].split(separator: "#", omittingEmptySubsequences: false)
    guard words.count == 2, words.allSatisfy(isNumber) else { return text }
    let rest = text[colon.upperBound...]
    guard rest.hasPrefix("*"), let space = rest.firstIndex(of: " "),
      isNumber(rest[..<space].dropFirst())
    else { return rest }
    return rest[rest.index(after: space)...]
  }
}
