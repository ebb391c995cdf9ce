import CertctlCore
import FoundationEssentials

/// Formats times for people; JSON, files, logs and events use RFC 3339.
struct TimeText {
  let now: Date

  /// Creates a format with times relative to `now`.
  init(now: Date = Date()) { self.now = now }

  /// Returns a time such as `2027-02-28 (in 90 days)` or `2026-10-01 (30 days ago)`.
  ///
  /// Less than two days away it has the time of day: `2026-12-01 14:30 UTC (in 17 hours)`.
  func text(_ date: Date) -> String { "\(day(date)) (\(distance(date)))" }

  /// Returns the time as `text` does, or `now` if it is not in the future.
  func dueText(_ date: Date) -> String { date <= now ? "now" : text(date) }

  /// Returns the distance to a time, such as `in 90 days` or `30 days ago`.
  func distance(_ date: Date) -> String {
    let seconds = date.timeIntervalSince(now)
    switch seconds {
    case 60...: return "in \(Self.span(seconds))"
    case 0...: return "in less than a minute"
    case ...(-60): return "\(Self.span(-seconds)) ago"
    default: return "just now"
    }
  }

  /// Returns the day in UTC, with the time of day if it is less than two days away.
  private func day(_ date: Date) -> String {
    guard abs(date.timeIntervalSince(now)) < Self.day * 2 else { return date.day }
    return "\(date.day) \(date.rfc3339.dropFirst(11).prefix(5)) UTC"
  }

  private static let day: TimeInterval = 86400

  /// Returns a rounded duration: in days from two days on, in hours from two hours on, else in
  /// minutes.
  static func span(_ seconds: TimeInterval) -> String {
    let units: [(String, TimeInterval)] = [("day", day), ("hour", 3600), ("minute", 60)]
    // "1 day" for up to one and a half days would be too coarse for an expiry.
    let unit = units.first { seconds >= 2 * $0.1 } ?? ("minute", 60)
    let count = Int(min(seconds / unit.1, 1e9).rounded())
    return "\(count) \(unit.0)\(count == 1 ? "" : "s")"
  }

  // MARK: - Times within texts

  /// Returns the text with each RFC 3339 time that is a separate word in the format for people.
  ///
  /// Other modules use the same texts in JSON and logs, so they write RFC 3339.
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

  /// Returns the time at the beginning of a text; nil if there is none.
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

  /// The time for people, relative to now.
  var forPeople: String { TimeText().text(self) }
}
