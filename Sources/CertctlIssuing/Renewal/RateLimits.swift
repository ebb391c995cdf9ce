/// A rate limit of a CA: a token bucket.
package struct RateLimit: Sendable, Equatable {
  /// The number that a full bucket allows at once.
  package var burst: Int
  /// How long an empty bucket takes to refill, in seconds: one token every `period / burst`.
  package var period: Double

  /// Creates a limit of `burst` per `period` seconds.
  package init(_ burst: Int, per period: Double) {
    self.burst = burst
    self.period = period
  }
}

/// The published limits of a CA; nil for unknown limits.
package struct RateLimits: Sendable, Equatable {
  /// New orders of one account.
  package var orders: RateLimit?
  /// Certificates for one registered domain, IPv4 address or IPv6 /64, from all accounts.
  package var certificatesPerDomain: RateLimit?
  /// Certificates for one exact set of names, from all accounts.
  package var certificatesPerSet: RateLimit?
  /// Failed validations of one name by one account.
  package var failures: RateLimit?
  /// How long after a certificate an order for the same names counts as a renewal, in seconds.
  ///
  /// Renewals are exempt from ``orders`` and ``certificatesPerDomain``.
  package var renewalWindow: Double?
  /// The maximum number of concurrent orders.
  package var concurrentOrders = 4

  /// No known limits.
  package static let none = RateLimits()

  /// The limits of Let's Encrypt, as published in 2026.
  ///
  /// Orders with `replaces` are exempt from all of them. The limit on new accounts is left out: a
  /// host registers only one, and the CA has the last word.
  package static let letsEncrypt = RateLimits(
    orders: RateLimit(300, per: 3 * 3600),
    certificatesPerDomain: RateLimit(50, per: 7 * 86400),
    certificatesPerSet: RateLimit(5, per: 7 * 86400), failures: RateLimit(5, per: 3600),
    renewalWindow: 120 * 86400, concurrentOrders: 10)

  /// The limits of Let's Encrypt's staging environment: the lowest published values.
  package static let letsEncryptStaging = RateLimits(
    orders: RateLimit(1500, per: 3 * 3600),
    certificatesPerDomain: RateLimit(30000, per: 7 * 86400),
    certificatesPerSet: RateLimit(30000, per: 7 * 86400), failures: RateLimit(60, per: 3600),
    renewalWindow: 120 * 86400, concurrentOrders: 10)

  /// Returns the known limits of the CA with this directory URL.
  package static func known(for directory: String) -> RateLimits {
    switch directory {
    case "https://acme-v02.api.letsencrypt.org/directory": letsEncrypt
    case "https://acme-staging-v02.api.letsencrypt.org/directory": letsEncryptStaging
    default: none
    }
  }
}
