import TestSupport

/// The calls that change files and the ACME requests of a run, from strace's output.
struct StraceLog {
  /// A successful call.
  struct Call: CustomStringConvertible {
    let name: String
    /// The absolute path of the file, folder or link; for a request, its method and path.
    let path: String
    /// The target of a rename.
    var target = ""
    /// Whether the call created a file.
    var creates = false
    /// The log lines where the call began and ended, possibly with other threads between them.
    let begin: Int
    let end: Int

    var description: String { "\(name) \(path)" + (target.isEmpty ? "" : " -> \(target)") }
  }

  /// The calls, in the order in which they ended.
  let calls: [Call]

  /// Returns strace's arguments, up to the program.
  static func arguments(output: String) -> [String] {
    let names = [
      "openat", "write", "fsync", "renameat", "renameat2", "rename", "symlinkat", "sendto",
      "fchmod",
    ]
    return ["-f", "-y", "-s", "300", "-e", "trace=" + names.joined(separator: ","), "-o", output]
  }

  init(text: String) {
    var begun: [Substring: (text: String, line: Int)] = [:]
    var calls: [Call] = []
    var sent: Int?
    for (number, line) in text.split(separator: "\n").enumerated() {
      guard let space = line.firstIndex(of: " ") else { continue }
      let thread = line[..<space]
      var words = String(line[space...].drop { $0 == " " })
      var begin = number
      if words.hasSuffix("<unfinished ...>") {
        begun[thread] = (String(words.dropLast("<unfinished ...>".count)), number)
        continue
      }
      if words.hasPrefix("<... "), let close = words.firstIndex(of: ">"), let first = begun[thread]
      {
        words = first.text + words[words.index(after: close)...]
        begin = first.line
      }
      // TLS hides the content, but requests are sent one at a time and --verbose logs each
      // response: everything sent since the previous response belongs to this request.
      if words.hasPrefix("sendto("), words.contains(#", "\27\3\3"#) {
        sent = sent ?? begin
      } else if let line = Self.answeredRequest(words) {
        calls.append(Call(name: "request", path: line, begin: sent ?? begin, end: number))
        sent = nil
      } else if let call = Self.call(words, begin, number) {
        calls.append(call)
      }
    }
    self.calls = calls
  }

  /// Parses `name(arguments) = result`; returns nil for failed and irrelevant calls.
  private static func call(_ text: String, _ begin: Int, _ end: Int) -> Call? {
    guard let open = text.firstIndex(of: "("), !text.contains(" = -1 E") else { return nil }
    let name = String(text[..<open])
    let folders = paths(text)
    let strings = quoted(text)
    switch name {
    case "openat":
      guard text.contains("O_CREAT"), let path = folders.last else { return nil }
      return Call(name: "open", path: path, creates: true, begin: begin, end: end)
    case "write", "fsync", "fchmod":
      guard let path = folders.first, path.hasPrefix("/") else { return nil }
      return Call(name: name, path: path, begin: begin, end: end)
    case "renameat", "renameat2":
      guard folders.count >= 2, strings.count >= 2 else { return nil }
      return Call(
        name: "rename", path: "\(folders[0])/\(strings[0])",
        target: "\(folders[1])/\(strings[1])", begin: begin, end: end)
    case "symlinkat":
      guard let folder = folders.first, strings.count == 2 else { return nil }
      return Call(name: "symlink", path: "\(folder)/\(strings[1])", begin: begin, end: end)
    default: return nil
    }
  }

  /// Returns the request in a line of certctl's log, such as "POST /order-plz".
  private static func answeredRequest(_ text: String) -> String? {
    guard text.hasPrefix("write(2<"), text.contains(" debug ") else { return nil }
    let words = text.split(separator: " ")
    guard let at = words.firstIndex(where: { ["POST", "GET", "HEAD"].contains($0) }),
      at + 1 < words.count, words[at + 1].hasPrefix("https://")
    else { return nil }
    let path = words[at + 1].split(separator: "/", maxSplits: 2).last ?? ""
    return "\(words[at]) /\(path.hasSuffix(":") ? path.dropLast() : path)"
  }

  /// Returns the paths of descriptors: `8</a/b>`.
  private static func paths(_ text: String) -> [String] {
    text.split(separator: "<").dropFirst().compactMap { part in
      part.firstIndex(of: ">").map { String(part[..<$0]) }
    }
  }

  /// Returns the quoted strings; none of ours contains a quotation mark.
  private static func quoted(_ text: String) -> [String] {
    let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
    return stride(from: 1, to: parts.count - 1, by: 2).map { String(parts[$0]) }
  }
}
