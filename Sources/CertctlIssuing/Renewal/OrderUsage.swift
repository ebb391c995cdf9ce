package import ACME
import CertctlCore
import CertctlCrypto
import CertctlStore
package import FoundationEssentials

/// An order that is about to be placed, as the rate limits of a CA count it.
package struct OrderUsage: Sendable, Equatable {
  /// The directory URL of the CA.
  package var directory: String
  /// The local id of the account.
  package var account: String
  /// The names, at least one.
  package var identifiers: [Identifier]
  /// When this CA last issued a certificate for exactly these names; nil if it never did.
  package var previous: Date?
  /// Whether it has `replaces` (RFC 9773, section 5), which exempts it from the limits.
  package var isReplacement: Bool

  /// Creates a description of an order.
  package init(
    directory: String, account: String, identifiers: [Identifier], previous: Date? = nil,
    isReplacement: Bool = false
  ) {
    self.directory = directory
    self.account = account
    self.identifiers = identifiers
    self.previous = previous
    self.isReplacement = isReplacement
  }

  /// Returns whether the CA counts it as a renewal: the same names within the renewal window.
  func isRenewal(_ limits: RateLimits, now: Date) -> Bool {
    guard let previous, let window = limits.renewalWindow else { return false }
    return now.timeIntervalSince(previous) < window
  }

  /// A key of 32 digits for the set of names, whatever their order.
  var setKey: String {
    let names = identifiers.map { "\($0.type.rawValue):\($0.value)" }.sorted()
    return Digest.sha256(Array(names.joined(separator: "\n").utf8)).prefix(16).hexadecimal
  }

  /// The registered domains and networks by which the names are counted, each once.
  var domains: Set<String> { Set(identifiers.map(RegisteredDomain.key)) }
}
