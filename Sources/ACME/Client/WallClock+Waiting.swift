internal import CertctlBase
internal import FoundationEssentials

extension WallClock {
  /// Returns the time until a date; zero for dates in the past.
  func duration(until date: Date) -> Duration {
    .seconds(max(0, date.timeIntervalSince(now())))
  }
}

extension Duration {
  /// The duration in seconds.
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
