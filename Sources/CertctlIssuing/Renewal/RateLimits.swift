/// How much of one thing a CA allows: a token bucket.
package struct RateLimit: Sendable, Equatable {
  /// How many at once, from a full bucket.
  package var burst: Int
  /// How long a full bucket takes to fill, in seconds; one comes back every `period / burst`.
  package var period: Double

  /// Makes a limit of `burst` per `period` seconds.
  package init(_ burst: Int, per period: Double) {
    self.burst = burst
    self.period = period
  }
}

/// The limits that a CA publishes; nil where none is known.
package struct RateLimits: Sendable, Equatable {
  /// New orders of one account.
  package var orders: RateLimit?
  /// Certificates for one registered domain, IPv4 address or IPv6 /64, from all accounts.
  package var certificatesPerDomain: RateLimit?
  /// Certificates for one exact set of names, from all accounts.
  package var certificatesPerSet: RateLimit?
  /// Failed validations of one name by one account.
  package var failures: RateLimit?
  /// How long after a certificate the same set of names counts as a renewal, in seconds: such
  /// orders need not heed ``orders`` and ``certificatesPerDomain``.
  package var renewalWindow: Double?
  /// How many orders side by side it stands without being flooded.
  package var concurrentMap = 4

  /// No limit is known.
  package static let none = RateLimits()

  /// Let's Encrypt's, as published in 2026.
  ///
  /// Orders with `replaces` are exempt from all of them. The limit of new accounts is left out: a host
  /// registers one, and the CA has the last word.
  package static let letsEncrypt = RateLimits(
    orders: RateLimit(300, per: 3 * 3600),
    certificatesPerDomain: RateLimit(50, per: 7 * 86400),
    certificatesPerSet: RateLimit(5, per: 7 * 86400), failures: RateLimit(5, per: 3600),
    renewalWindow: 120 * 86400, concurrentMap: 10)

  /// Let's Encrypt's staging environment: the lowest values that were published for it.
  package static let letsEncryptStaging = RateLimits(
    orders: RateLimit(1500, per: 3 * 3600),
    certificatesPerDomain: RateLimit(30000, per: 7 * 86400),
    certificatesPerSet: RateLimit(30000, per: 7 * 86400), failures: RateLimit(60, per: 3600),
    renewalWindow: 120 * 86400, concurrentMap: 10)

  /// The limits of the CA with this directory URL.
  package static func known(for directory: String) -> RateLimits {
    switch directory {
    case "https://acme-v02.api.letsencrypt.org/directory": letsEncrypt
    case "https://acme-staging-v02.api.letsencrypt.org/directory": letsEncryptStaging
    default: none
    }
  }
}
