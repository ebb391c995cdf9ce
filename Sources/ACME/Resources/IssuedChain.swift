public import CertctlCrypto

/// A certificate with its intermediates, as the CA sent it (RFC 8555 section 7.4.2).
public struct IssuedChain: Sendable, Equatable {
  /// Where it was downloaded.
  public var url: String
  /// The leaf first, then each issuer; at least one.
  public var certificates: [Certificate]
  /// Where the CA offers other chains for the same leaf.
  public var alternateURLs: [String]

  /// The certificate itself.
  public var leaf: Certificate? { certificates.first }

  /// The whole chain as PEM, written anew: nothing else that was in the answer is in it.
  public var pem: [UInt8] { certificates.flatMap(\.pem) }

  /// The common name of the issuer of the chain's last certificate, by which chains are chosen.
  public var lastIssuerCommonName: String? { certificates.last?.issuerCommonName }
}
