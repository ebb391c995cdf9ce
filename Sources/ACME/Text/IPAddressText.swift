/// IP addresses as text: the one form of RFC 5952 that RFC 8738 asks for.
enum IPAddressText {
  /// The canonical form of an IPv4 or IPv6 address; `nil` for anything else.
  static func canonical(_ text: String) -> String? {
    if let four = v4(text[...]) { return four.map { String($0) }.joined(separator: ".") }
    guard let six = v6(text) else { return nil }
    return write(six)
  }

  /// Four decimal numbers; leading zeros are refused, because some read them as octal.
  private static func v4(_ text: Substring) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
      guard (1...3).contains(part.utf8.count), part == "0" || !part.hasPrefix("0"),
        part.utf8.allSatisfy({ (48...57).contains($0) }), let byte = UInt8(part)
      else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  private static func v6(_ text: String) -> [UInt16]? {
    guard (2...45).contains(text.utf8.count), text.contains(":") else { return nil }
    guard let gap = text.firstRange(of: "::") else {
      let words = words(text[...])
      return words?.count == 8 ? words : nil
    }
    guard let head = words(text[..<gap.lowerBound]), let tail = words(text[gap.upperBound...]),
      head.count + tail.count <= 7
    else { return nil }
    return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
  }

  /// The 16-bit words of a run without a gap; the last two may be an IPv4 address.
  private static func words(_ text: Substring) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    var words: [UInt16] = []
    for (index, part) in parts.enumerated() {
      if index == parts.count - 1, part.contains("."), let four = v4(part) {
        words.append(UInt16(four[0]) << 8 | UInt16(four[1]))
        words.append(UInt16(four[2]) << 8 | UInt16(four[3]))
        continue
      }
      guard (1...4).contains(part.utf8.count),
        part.utf8.allSatisfy({
          (48...57).contains($0) || (65...70).contains($0) || (97...102).contains($0)
        }), let word = UInt16(part, radix: 16)
      else { return nil }
      words.append(word)
    }
    return words.count <= 8 ? words : nil
  }

  private static func write(_ words: [UInt16]) -> String {
    // ::ffff:192.0.2.1 keeps its IPv4 half readable (RFC 5952 section 5).
    if words[..<5].allSatisfy({ $0 == 0 }), words[5] == 0xffff {
      let bytes = [words[6] >> 8, words[6] & 255, words[7] >> 8, words[7] & 255]
      return "::ffff:" + bytes.map { String($0) }.joined(separator: ".")
    }
    let gap = longestZeros(words)
    let text = { (part: ArraySlice<UInt16>) in
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard let gap else { return text(words[...]) }
    return text(words[..<gap.lowerBound]) + "::" + text(words[gap.upperBound...])
  }

  /// The first of the longest runs of at least two zero words.
  private static func longestZeros(_ words: [UInt16]) -> Range<Int>? {
    var best: Range<Int>?
    var start = 0
    while start < words.count {
      var end = start
      while end < words.count, words[end] == 0 { end += 1 }
      if end - start >= 2, end - start > (best?.count ?? 0) { best = start..<end }
      start = max(end, start + 1)
    }
    return best
  }
}
