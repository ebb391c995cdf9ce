import CertctlStore
import FoundationEssentials

/// The waiting times after failures.
enum BackOff {
  /// Returns the wait in seconds after failures in a row: 1, 10, 100 minutes, then a day.
  ///
  /// Let's Encrypt recommends these steps.
  static func delay(after failures: Int) -> TimeInterval {
    switch failures {
    case ...0: 0
    case 1: 60
    case 2: 600
    case 3: 6000
    default: 86400
    }
  }

  /// The maximum failure count to store; higher counts make no difference.
  static let longestCount = 1_000_000

  /// Returns the earliest time for the next attempt.
  ///
  /// The wait is capped at an eighth of the time until expiry, or since expiry. The cap is at least
  /// an hour, or a hundredth of a short lifetime. So a certificate in its last hours is retried
  /// hourly, and one that expired weeks ago daily. A time that the CA named can extend the wait, up
  /// to half of the time until or since expiry, and at most a week.
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
