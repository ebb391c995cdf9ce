public import CertctlCrypto

/// A certificate with its intermediates, as sent by the CA (RFC 8555 section 7.4.2).
public struct IssuedChain: Sendable, Equatable {
  /// The URL of the chain.
  public var url: String
  /// The certificates: the leaf, then each issuer.
  public var certificates: [Certificate]
  /// The URLs of other chains for the same leaf.
  public var alternateURLs: [String]

  /// The leaf certificate.
  public var leaf: Certificate? { certificates.first }

  /// The chain as PEM, encoded again: it contains nothing but the certificates.
  public var pem: [UInt8] { certificates.flatMap(\.pem) }

  /// The issuer CN of the chain's last certificate, for choosing among chains.
  public var lastIssuerCommonName: String? { certificates.last?.issuerCommonName }
}
