package import FoundationEssentials

extension Date {
  /// The date as RFC 3339 in UTC, in whole seconds.
  package var rfc3339: String { formatted(.iso8601) }
}
