import CertctlStore
import FoundationEssentials

/// How long to wait after failures.
enum BackOff {
  /// The wait after so many failures in a row: 1, 10, 100 minutes, then a day.
  ///
  /// The steps that Let's Encrypt asks clients to take.
  static func delay(after failures: Int) -> TimeInterval {
    switch failures {
    case ...0: 0
    case 1: 60
    case 2: 600
    case 3: 6000
    default: 86400
    }
  }

  /// Counting further changes nothing.
  static let longestCount = 1_000_000

  /// The earliest time for the next attempt.
  ///
  /// The nearer a certificate is to its end, the shorter the wait: an eighth of what is left at
  /// most, but not below an hour (a hundredth of the lifetime, if it is short), and once it has
  /// expired, an eighth of the time since. So a certificate in its last hours is tried hourly, one
  /// that has been dead for weeks daily. A time that the CA named counts for more: up to half of
  /// what is left, and a week.
  static func notBefore(
    failures: Int, certificate: RenewalCertificate?, retryAfter: Date?, now: Date
  ) -> Date {
    var wait = delay(after: failures)
    var longest: TimeInterval = 7 * 86400
    if let certificate {
      let left = abs(certificate.notAfter.timeIntervalSince(now))
      let floor = max(60, min(3600, certificate.lifetime / 100))
      wait = min(wait, max(floor, left / 8))
      longest = min(longest, max(floor, left / 2))
    }
    let named = retryAfter.map { min($0.timeIntervalSince(now), longest) } ?? 0
    return now.addingTimeInterval(max(wait, named))
  }
}
