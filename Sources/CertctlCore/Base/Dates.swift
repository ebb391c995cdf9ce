package import FoundationEssentials

extension Date {
  /// The time as RFC 3339 in UTC, to the second.
  package var rfc3339: String { formatted(.iso8601) }
}
