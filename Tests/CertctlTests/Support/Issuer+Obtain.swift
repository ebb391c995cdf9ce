import Testing

@testable import Certctl

extension Issuer {
  /// Gets the certificate, placing an order if there is none to go on with.
  func obtain() async throws -> IssuedCertificate {
    try #require(try await obtain(mayOrder: true))
  }
}
