internal import FoundationEssentials

/// The date formats of the protocol.
///
/// Times from a CA are untrusted: parsing is strict and independent of the locale.
enum Timestamp {
  /// Parses RFC 3339 ("2025-01-02T04:00:00.5+01:00"); returns `nil` for other text.
  static func rfc3339(_ text: String) -> Date? {
    var scanner = Scanner(text)
    guard let year = scanner.number(4), scanner.skip("-"), let month = scanner.number(2),
      scanner.skip("-"), let day = scanner.number(2), scanner.skip("T", "t", " "),
      let time = scanner.time()
    else { return nil }
    var fraction = 0.0
    if scanner.skip(".") {
      guard let digits = scanner.digits(), !digits.isEmpty else { return nil }
      fraction = Double("0." + digits) ?? 0
    }
    guard let offset = scanner.offset(), scanner.isAtEnd,
      let instant = instant(year: year, month: month, day: day, seconds: time)
    else { return nil }
    return Date(timeIntervalSince1970: Double(instant - offset) + fraction)
  }

  /// Formats a date as RFC 3339 in UTC, in whole seconds.
  static func rfc3339(_ date: Date) -> String {
    let seconds = Int64(date.timeIntervalSince1970.rounded(.down))
    var days = seconds / 86400
    var rest = seconds % 86400
    if rest < 0 {
      rest += 86400
      days -= 1
    }
    let (year, month, day) = civil(days)
    return pad(year, 4) + "-" + pad(month, 2) + "-" + pad(day, 2) + "T" + pad(rest / 3600, 2)
      + ":" + pad(rest / 60 % 60, 2) + ":" + pad(rest % 60, 2) + "Z"
  }

  /// Parses an HTTP date in its three forms (RFC 9110 section 5.6.7); returns `nil` for other text.
  ///
  /// A two-digit year of RFC 850 is at most 50 years after `now`.
  static func http(_ text: String, now: Date) -> Date? {
    var scanner = Scanner(text)
    guard let weekday = scanner.letters(), weekday.count >= 3 else { return nil }
    let instant: Int64?
    if scanner.skip(",") {
      instant = imfOrRFC850(&scanner, now: now)
    } else {
      instant = asctime(&scanner)
    }
    guard let instant, scanner.isAtEnd else { return nil }
    return Date(timeIntervalSince1970: Double(instant))
  }

  private static func imfOrRFC850(_ scanner: inout Scanner, now: Date) -> Int64? {
    guard scanner.skip(" "), let day = scanner.number(2), scanner.skip(" ", "-"),
      let month = scanner.month(), scanner.skip(" ", "-"), let digits = scanner.digits(),
      var year = Int64(digits), digits.count == 4 || digits.count == 2, scanner.skip(" "),
      let time = scanner.time(), scanner.skip(" "), scanner.letters() == "GMT"
    else { return nil }
    if digits.count == 2 {
      let (current, _, _) = civil(Int64(now.timeIntervalSince1970 / 86400))
      year += current / 100 * 100
      if year > current + 50 { year -= 100 }
    }
    return instant(year: year, month: month, day: day, seconds: time)
  }

  private static func asctime(_ scanner: inout Scanner) -> Int64? {
    guard scanner.skip(" "), let month = scanner.month(), scanner.skip(" ") else { return nil }
    _ = scanner.skip(" ")
    guard let digits = scanner.digits(), digits.count <= 2, let day = Int64(digits),
      scanner.skip(" "), let time = scanner.time(), scanner.skip(" "),
      let year = scanner.number(4)
    else { return nil }
    return instant(year: year, month: month, day: day, seconds: time)
  }

  private static func instant(year: Int64, month: Int64, day: Int64, seconds: Int64) -> Int64? {
    guard (1...12).contains(month), (1...31).contains(day) else { return nil }
    let days = self.days(year: year, month: month, day: day)
    // The 30th of February would become another day.
    guard civil(days) == (year, month, day) else { return nil }
    return days * 86400 + seconds
  }

  /// Returns the days since 1970-01-01 of a date in the proleptic Gregorian calendar.
  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146097 + dayOfEra - 719468
  }

  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719468
    let era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
    let dayOfEra = shifted - era * 146097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let part = (5 * dayOfYear + 2) / 153
    let month = part < 10 ? part + 3 : part - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * part + 2) / 5 + 1
    )
  }

  private static func pad(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

/// A cursor over the bytes of one date.
private struct Scanner {
  private var rest: Substring.UTF8View

  init(_ text: String) { rest = Substring(text).utf8 }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func skip(_ options: Character...) -> Bool {
    guard let first = rest.first, options.contains(where: { $0.asciiValue == first }) else {
      return false
    }
    rest.removeFirst()
    return true
  }

  /// Reads exactly `width` digits.
  mutating func number(_ width: Int) -> Int64? {
    let head = rest.prefix(width)
    guard head.count == width, head.allSatisfy({ (48...57).contains($0) }) else { return nil }
    rest = rest.dropFirst(width)
    return Int64(String(decoding: head, as: UTF8.self))
  }

  /// Reads one to eighteen digits.
  mutating func digits() -> String? {
    let head = rest.prefix { (48...57).contains($0) }
    guard !head.isEmpty, head.count <= 18 else { return nil }
    rest = rest.dropFirst(head.count)
    return String(decoding: head, as: UTF8.self)
  }

  mutating func letters() -> String? {
    let head = rest.prefix { (65...90).contains($0) || (97...122).contains($0) }
    guard !head.isEmpty, head.count <= 9 else { return nil }
    rest = rest.dropFirst(head.count)
    return String(decoding: head, as: UTF8.self)
  }

  mutating func month() -> Int64? {
    let names = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    guard let word = letters(), let index = names.firstIndex(of: word) else { return nil }
    return Int64(index + 1)
  }

  /// Reads "hh:mm:ss" as seconds; a leap second counts as the next second.
  mutating func time() -> Int64? {
    guard let hour = number(2), skip(":"), let minute = number(2), skip(":"),
      let second = number(2), hour < 24, minute < 60, second <= 60
    else { return nil }
    return hour * 3600 + minute * 60 + second
  }

  /// Reads "Z" or "+hh:mm" as seconds east of UTC.
  mutating func offset() -> Int64? {
    if skip("Z", "z") { return 0 }
    let sign: Int64
    if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
    guard let hour = number(2), skip(":"), let minute = number(2), hour < 24, minute < 60 else {
      return nil
    }
    return sign * (hour * 3600 + minute * 60)
  }
}
