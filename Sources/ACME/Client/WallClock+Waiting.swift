internal import CertctlBase
internal import FoundationEssentials

extension WallClock {
  /// How long it is until a moment; zero for the past.
  func duration(until date: Date) -> Duration {
    .seconds(max(0, date.timeIntervalSince(now())))
  }
}

extension Duration {
  /// The same in seconds.
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
