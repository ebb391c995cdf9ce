package import FoundationEssentials

/// The Retry-After header (RFC 9110 section 10.2.3): seconds or an HTTP date.
package enum RetryAfter {
  /// The maximum wait in seconds, so that a CA cannot stop the client for years.
  static let longest = 366.0 * 86400

  /// Returns the time in a header, not before `now`; `nil` if the header is unreadable.
  package static func instant(_ text: String?, now: Date) -> Date? {
    guard let text else { return nil }
    let trimmed = text.trimmed
    if !trimmed.isEmpty, trimmed.utf8.allSatisfy({ (48...57).contains($0) }) {
      return now.addingTimeInterval(min(Double(trimmed) ?? longest, longest))
    }
    guard let date = Timestamp.http(trimmed, now: now) else { return nil }
    return min(max(date, now), now.addingTimeInterval(longest))
  }
}

extension String {
  /// The text without white space at its ends.
  var trimmed: String {
    let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0.isNewline }
    let head = drop(while: blank)
    return String(head.reversed().drop(while: blank).reversed())
  }
}
