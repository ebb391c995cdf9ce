package import ACME
import CertctlCore
import CertctlCrypto
import CertctlStore
package import FoundationEssentials

/// An order that is about to be placed, as the limits of a CA see it.
package struct OrderUsage: Sendable, Equatable {
  /// The directory URL of the CA.
  package var directory: String
  /// The local id of the account.
  package var account: String
  /// The names, at least one.
  package var identifiers: [Identifier]
  /// When the last certificate for exactly these names was issued by this CA, if there is one.
  package var previous: Date?
  /// Whether it carries `replaces` (RFC 9773 section 5), which exempts it from the limits.
  package var isReplacement: Bool

  /// Describes an order.
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

  /// Whether the CA sees a renewal: the same names again, not too long ago.
  func isRenewal(_ limits: RateLimits, now: Date) -> Bool {
    guard let previous, let window = limits.renewalWindow else { return false }
    return now.timeIntervalSince(previous) < window
  }

  /// The set of names, whatever their order, in 32 digits.
  var setKey: String {
    let names = identifiers.map { "\($0.type.rawValue):\($0.value)" }.sorted()
    return Digest.sha256(Array(names.joined(separator: "\n").utf8)).prefix(16).hexadecimal
  }

  /// The registered domains and networks that the names are counted by, each once.
  var domains: Set<String> { Set(identifiers.map(RegisteredDomain.key)) }
}
