import CertctlCore
import FoundationEssentials

/// Times as people read them; JSON, files, logs and events have RFC 3339.
struct TimeText {
  let now: Date

  /// Times as seen from that moment.
  init(now: Date = Date()) { self.now = now }

  /// A time: `2027-02-28 (in 90 days)`, `2026-10-01 (30 days ago)`, and less than two days away
  /// `2026-12-01 14:30 UTC (in 17 hours)`.
  func text(_ date: Date) -> String { "\(day(date)) (\(distance(date)))" }

  /// When something happens that may be due: `now` where the time has come.
  func dueText(_ date: Date) -> String { date <= now ? "now" : text(date) }

  /// How far away a time is: `in 90 days`, `30 days ago`.
  func distance(_ date: Date) -> String {
    let seconds = date.timeIntervalSince(now)
    switch seconds {
    case 60...: return "in \(Self.span(seconds))"
    case 0...: return "in less than a minute"
    case ...(-60): return "\(Self.span(-seconds)) ago"
    default: return "just now"
    }
  }

  /// The day in UTC, with the time of day where it is less than two days away.
  private func day(_ date: Date) -> String {
    guard abs(date.timeIntervalSince(now)) < Self.day * 2 else { return date.day }
    return "\(date.day) \(date.rfc3339.dropFirst(11).prefix(5)) UTC"
  }

  private static let day: TimeInterval = 86400

  /// A length of time, rounded, in its largest fitting unit: days from two days on, then hours, then
  /// minutes.
  static func span(_ seconds: TimeInterval) -> String {
    let units: [(String, TimeInterval)] = [("day", day), ("hour", 3600), ("minute", 60)]
    // "1 day" for what may be nearly two would be too rough for what runs out.
    let unit = units.first { seconds >= 2 * $0.1 } ?? ("minute", 60)
    let count = Int(min(seconds / unit.1, 1e9).rounded())
    return "\(count) \(unit.0)\(count == 1 ? "" : "s")"
  }

  // MARK: - Times within texts

  /// A text in which every RFC 3339 time that stands as a word of its own is written for people.
  ///
  /// The libraries below compose reasons and messages for JSON and logs too, so they cannot do it.
  func rewritten(_ text: String) -> String {
    let bytes = Array(text.utf8)
    guard bytes.count >= Self.shape.count, bytes.contains(UInt8(ascii: "Z")) else { return text }
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      let isStart = index == 0 || Self.openers.contains(bytes[index - 1])
      if isStart, let date = Self.date(in: bytes[index...]) {
        result += self.text(date).utf8
        index += Self.shape.count
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static let shape = Array("0000-00-00T00:00:00Z".utf8)
  private static let openers = Set(" (\"'".utf8)
  private static let closers = Set(" )\"',.;:".utf8)

  /// The time that a text begins with.
  private static func date(in bytes: ArraySlice<UInt8>) -> Date? {
    guard bytes.count >= shape.count else { return nil }
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let hasShape = zip(bytes, shape).allSatisfy { byte, expected in
      expected == UInt8(ascii: "0") ? digits.contains(byte) : byte == expected
    }
    guard hasShape else { return nil }
    if let next = bytes.dropFirst(shape.count).first, !closers.contains(next), next != 10 {
      return nil
    }
    let text = String(decoding: bytes.prefix(shape.count), as: UTF8.self)
    return try? Date(text, strategy: .iso8601)
  }
}

extension Date {
  /// The day in UTC: "2026-01-31".
  var day: String { String(rfc3339.prefix { $0 != "T" }) }

  /// The time for a person, as seen from now.
  var forPeople: String { TimeText().text(self) }
}
