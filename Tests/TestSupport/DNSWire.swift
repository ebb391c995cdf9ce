/// Hand-written DNS messages, valid and invalid (RFC 1035, section 4.1).
package enum DNSWire {
  /// Encodes numbers as two bytes each.
  package static func words(_ values: Int...) -> [UInt8] {
    values.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] }
  }

  /// Encodes a name without compression.
  package static func name(_ text: String) -> [UInt8] {
    text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
  }

  /// A pointer to the name of the question.
  package static let questionName = words(0xC00C)

  /// Encodes a record of class IN with a TTL of 60 seconds.
  package static func record(
    _ owner: [UInt8] = questionName, type: Int, _ data: [UInt8]
  ) -> [UInt8] {
    owner + words(type, 1, 0, 60, data.count) + data
  }

  /// Encodes a TXT record with one string.
  package static func txt(_ text: String, of owner: [UInt8] = questionName) -> [UInt8] {
    record(owner, type: 16, [UInt8(text.utf8.count)] + Array(text.utf8))
  }

  /// Returns the name, type and class of a query's question.
  package static func question(of query: [UInt8]) -> [UInt8] {
    var end = 12
    while end < query.count, query[end] != 0 { end += 1 + Int(query[end]) }
    return Array(query.dropFirst(12).prefix(max(0, end + 5 - 12)))
  }

  /// Returns the first label of a query's name.
  package static func firstLabel(of query: [UInt8]) -> String {
    let question = question(of: query)
    return String(decoding: question.dropFirst().prefix(Int(question.first ?? 0)), as: UTF8.self)
  }

  /// Encodes a response; by default a valid one.
  ///
  /// - Parameters:
  ///   - query: The query.
  ///   - flags: The second word: QR, opcode, AA, TC, RCODE.
  ///   - question: The question section; the query's own by default.
  ///   - records: The answer section.
  ///   - counts: The header's counts of the four sections; the correct ones by default.
  /// - Returns: The message.
  package static func answer(
    _ query: [UInt8], flags: Int = 0x8400, question: [UInt8]? = nil, _ records: [[UInt8]] = [],
    counts: [Int]? = nil
  ) -> [UInt8] {
    let question = question ?? self.question(of: query)
    let counts = counts ?? [question.isEmpty ? 0 : 1, records.count, 0, 0]
    return query.prefix(2) + words(flags) + counts.flatMap { words($0) } + question
      + records.joined()
  }
}
