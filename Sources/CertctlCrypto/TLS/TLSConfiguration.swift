import COpenSSL

/// A version of TLS.
package enum TLSVersion: Int32, Sendable, Hashable, CaseIterable, Comparable {
  /// TLS 1.0; OpenSSL speaks it only with ciphers of security level 0.
  case tls10 = 0x0301
  /// TLS 1.1; as 1.0.
  case tls11 = 0x0302
  /// TLS 1.2.
  case tls12 = 0x0303
  /// TLS 1.3.
  case tls13 = 0x0304

  /// Older versions come first.
  package static func < (one: TLSVersion, other: TLSVersion) -> Bool {
    one.rawValue < other.rawValue
  }
}

extension TLSEngine {
  /// A certificate chain and its key, which fit.
  package struct Identity: Sendable {
    /// The leaf first.
    package let chain: [Certificate]
    /// The leaf's key.
    package let key: PrivateKey

    /// Checks that both belong together.
    ///
    /// - Parameters:
    ///   - chain: The leaf first, at least one.
    ///   - key: The leaf's key.
    /// - Throws: `CryptoError` with `.mismatch`.
    package init(chain: [Certificate], key: PrivateKey) throws(CryptoError) {
      guard let leaf = chain.first else {
        throw CryptoError(
          .mismatch, operation: "pair a key with its certificate",
          reasons: ["there is no certificate"])
      }
      guard leaf.matches(key) else {
        throw CryptoError(
          .mismatch, operation: "pair a key with its certificate", subject: leaf.subject,
          reasons: ["the certificate is for another key"])
      }
      self.chain = chain
      self.key = key
    }
  }

  /// What a server says and to whom.
  package struct ServerConfiguration: Sendable {
    /// For clients that send no server name or an unknown one; without it they are refused.
    package var defaultIdentity: Identity?
    /// By server name, in lower case.
    package var identities: [String: Identity]
    /// The protocols it speaks, the best first; empty: ALPN is not answered.
    ///
    /// A client that offers only others is refused; one that offers none at all is not.
    package var alpn: [String]
    /// The oldest version it speaks.
    package var minimumVersion: TLSVersion
    /// The newest version it speaks.
    package var maximumVersion: TLSVersion

    /// Makes a configuration.
    package init(
      defaultIdentity: Identity? = nil, identities: [String: Identity] = [:], alpn: [String] = [],
      minimumVersion: TLSVersion = .tls12, maximumVersion: TLSVersion = .tls13
    ) {
      self.defaultIdentity = defaultIdentity
      self.identities = identities
      self.alpn = alpn
      self.minimumVersion = minimumVersion
      self.maximumVersion = maximumVersion
    }
  }

  /// What a client asks for and whom it believes.
  package struct ClientConfiguration: Sendable {
    /// The server's name for SNI, and for the check when there is a trust store.
    ///
    /// For an address, SNI is not sent and the check is for that address.
    package var serverName: String?
    /// The protocols it offers, the best first; empty: ALPN is not sent.
    package var alpn: [String]
    /// The roots; without them every certificate is accepted and the caller looks at `peerChain`.
    package var trust: TrustStore?
    /// The oldest version it speaks.
    package var minimumVersion: TLSVersion
    /// The newest version it speaks.
    package var maximumVersion: TLSVersion
    /// A cipher list in OpenSSL's language for versions up to 1.2, or OpenSSL's own.
    package var ciphers: String?
    /// Groups for the key exchange (`X25519:P-256`), the best first, or OpenSSL's own.
    package var groups: String?
    /// What the server may sign with (`ECDSA+SHA256:RSA-PSS+SHA256`), or OpenSSL's own.
    package var signatureAlgorithms: String?

    /// Makes a configuration.
    package init(
      serverName: String? = nil, alpn: [String] = [], trust: TrustStore? = nil,
      minimumVersion: TLSVersion = .tls12, maximumVersion: TLSVersion = .tls13,
      ciphers: String? = nil, groups: String? = nil, signatureAlgorithms: String? = nil
    ) {
      self.serverName = serverName
      self.alpn = alpn
      self.trust = trust
      self.minimumVersion = minimumVersion
      self.maximumVersion = maximumVersion
      self.ciphers = ciphers
      self.groups = groups
      self.signatureAlgorithms = signatureAlgorithms
    }
  }
}

/// Protocol names on the wire: each behind a byte that is its length (RFC 7301 section 3.1).
enum ALPNList {
  static func encode(_ names: [String], _ operation: String) throws(CryptoError) -> [UInt8] {
    var list: [UInt8] = []
    for name in names {
      guard let length = UInt8(exactly: name.utf8.count), length > 0 else {
        throw CryptoError(
          .malformed, operation: operation, subject: name, reasons: ["it is no ALPN name"])
      }
      list.append(length)
      list.append(contentsOf: name.utf8)
    }
    return list
  }

  /// The place in an encoded list of the first wanted name that is in it.
  static func range(ofFirst names: [String], in list: [UInt8]) -> Range<Int>? {
    for name in names {
      var start = 0
      while start < list.count {
        let range = (start + 1)..<(start + 1 + Int(list[start]))
        guard range.upperBound <= list.count else { return nil }
        if list[range].elementsEqual(name.utf8) { return range }
        start = range.upperBound
      }
    }
    return nil
  }
}
