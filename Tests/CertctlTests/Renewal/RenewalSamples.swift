import ACME
import FoundationEssentials
import RenewalSimulation

@testable import CertctlStore

let day: Double = 86400

/// Returns a fixed moment in 2026 plus some seconds.
func moment(_ seconds: Double = 0) -> Date {
  Date(timeIntervalSince1970: 1_780_000_000).addingTimeInterval(seconds)
}

/// Returns a certificate that by default starts at `moment()`.
func lived(_ lifetime: Double, from begin: Date = moment(), name: String = "a")
  -> RenewalCertificate
{
  RenewalCertificate(
    fingerprint: name, notBefore: begin, notAfter: begin.addingTimeInterval(lifetime))
}

/// Returns renewal information with a Retry-After of six hours.
func window(_ start: Date, _ end: Date, now: Date, page: String? = nil) -> RenewalInfo {
  RenewalInfo(
    start: start, end: end, explanationURL: page, retryAfter: now.addingTimeInterval(6 * 3600))
}

/// Returns a stored value as the next run reads it.
func reread<Value: Codable>(_ value: Value) throws -> Value {
  try StateCoding.decoder().decode(Value.self, from: StateCoding.encoder().encode(value))
}

extension SeededGenerator {
  /// Returns a random lifetime from 6 hours to 398 days, short ones as often as long ones.
  mutating func lifetime() -> Double {
    // Doubles 6 hours up to 10.6 times, which needs no logarithm.
    let doublings = below(10.6)
    var lifetime = 6 * 3600.0
    for _ in 0..<Int(doublings) { lifetime *= 2 }
    return (lifetime * (1 + doublings.truncatingRemainder(dividingBy: 1))).rounded()
  }

  /// Returns a random number from a range.
  mutating func within(_ range: ClosedRange<Double>) -> Double {
    Double.random(in: range, using: &self)
  }
}
