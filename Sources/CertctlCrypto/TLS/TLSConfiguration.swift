import COpenSSL

/// A version of TLS.
package enum TLSVersion: Int32, Sendable, Hashable, CaseIterable, Comparable {
  /// TLS 1.0; OpenSSL negotiates it only with ciphers of security level 0.
  case tls10 = 0x0301
  /// TLS 1.1; restricted like TLS 1.0.
  case tls11 = 0x0302
  /// TLS 1.2.
  case tls12 = 0x0303
  /// TLS 1.3.
  case tls13 = 0x0304

  /// Orders versions from oldest to newest.
  package static func < (one: TLSVersion, other: TLSVersion) -> Bool {
    one.rawValue < other.rawValue
  }
}

extension TLSEngine {
  /// A certificate chain and its matching key.
  package struct Identity: Sendable {
    /// The leaf first.
    package let chain: [Certificate]
    /// The leaf's key.
    package let key: PrivateKey

    /// Creates an identity, and checks that the key matches the leaf.
    ///
    /// - Parameters:
    ///   - chain: The leaf first, at least one.
    ///   - key: The leaf's key.
    /// - Throws: `CryptoError` with `.mismatch`.
    package init(chain: [Certificate], key: PrivateKey) throws(CryptoError) {
      guard let leaf = chain.first else {
        throw CryptoError(
          .mismatch, operation: "match the private key with the certificate",
          reasons: ["there is no certificate"])
      }
      guard leaf.matches(key) else {
        throw CryptoError(
          .mismatch, operation: "match the private key with the certificate", subject: leaf.subject,
          reasons: ["the certificate was issued for a different key"])
      }
      self.chain = chain
      self.key = key
    }
  }

  /// The settings of the server's side.
  package struct ServerConfiguration: Sendable {
    /// The identity for clients that send no server name or an unknown one; nil refuses them.
    package var defaultIdentity: Identity?
    /// The identities by server name, in lower case.
    package var identities: [String: Identity]
    /// The supported ALPN protocols, the best first; if empty, the server does not answer ALPN.
    ///
    /// A client that offers only other protocols is refused; a client without ALPN is not.
    package var alpn: [String]
    /// The oldest supported version.
    package var minimumVersion: TLSVersion
    /// The newest supported version.
    package var maximumVersion: TLSVersion

    /// Creates a configuration.
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

  /// The settings of the client's side.
  package struct ClientConfiguration: Sendable {
    /// The server's name for SNI, and for the verification if there is a trust store.
    ///
    /// For an IP address, SNI is not sent and the certificate must contain that address.
    package var serverName: String?
    /// The offered ALPN protocols, the best first; if empty, ALPN is not sent.
    package var alpn: [String]
    /// The trusted roots; if nil, every certificate is accepted and the caller checks `peerChain`.
    package var trust: TrustStore?
    /// The oldest supported version.
    package var minimumVersion: TLSVersion
    /// The newest supported version.
    package var maximumVersion: TLSVersion
    /// An OpenSSL cipher list for TLS 1.2 and older; nil for OpenSSL's default.
    package var ciphers: String?
    /// The key exchange groups (`X25519:P-256`), the best first; nil for OpenSSL's default.
    package var groups: String?
    /// The accepted signature algorithms (`ECDSA+SHA256:RSA-PSS+SHA256`); nil for OpenSSL's
    /// default.
    package var signatureAlgorithms: String?

    /// Creates a configuration.
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

/// The wire format of ALPN protocol names: each follows a length byte (RFC 7301 section 3.1).
enum ALPNList {
  static func encode(_ names: [String], _ operation: String) throws(CryptoError) -> [UInt8] {
    var list: [UInt8] = []
    for name in names {
      guard let length = UInt8(exactly: name.utf8.count), length > 0 else {
        throw CryptoError(
          .malformed, operation: operation, subject: name, reasons: ["not a valid ALPN name"])
      }
      list.append(length)
      list.append(contentsOf: name.utf8)
    }
    return list
  }

  /// The range of the first of the names that is in an encoded list.
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
