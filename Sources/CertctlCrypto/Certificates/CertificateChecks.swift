import COpenSSL
import CertctlBase

extension Certificate {
  /// Whether the key is the one that this certificate certifies.
  public func matches(_ key: PrivateKey) -> Bool {
    defer { ErrorQueue.clear() }
    return unsafe X509_check_private_key(handle.pointer, key.handle.pointer) == 1
  }

  /// Whether this is the key that this certificate certifies.
  public func certifies(_ key: PublicKey) -> Bool {
    defer { ErrorQueue.clear() }
    guard let own = unsafe X509_get0_pubkey(handle.pointer),
      let other = try? key.decoded("read the public key")
    else { return false }
    return unsafe EVP_PKEY_eq(own, other.pointer) == 1
  }

  /// Whether another certificate issued this one: names, key identifiers and signature fit.
  ///
  /// Times and trust are not looked at.
  public func isIssued(by issuer: Certificate) -> Bool {
    defer { ErrorQueue.clear() }
    guard unsafe X509_check_issued(issuer.handle.pointer, handle.pointer) == X509_V_OK,
      let key = unsafe X509_get0_pubkey(issuer.handle.pointer)
    else { return false }
    return unsafe X509_verify(handle.pointer, key) == 1
  }

  /// Whether clients that ask for a name accept this certificate for it.
  ///
  /// Only the subjectAltName extension counts, never the common name (RFC 6125 section 6.4.4).
  ///
  /// - Parameter name: A DNS name, an IP address as text, or a wildcard `*.example.com`, which is
  ///   covered by that very wildcard only.
  /// - Returns: Whether it is covered; `*.example.com` covers one label, not two and not none.
  public func covers(_ name: String) -> Bool {
    defer { ErrorQueue.clear() }
    if let address = IPAddress(name) {
      return unsafe X509_check_ip(handle.pointer, address.octets, address.octets.count, 0) == 1
    }
    let name = name.hasSuffix(".") ? String(name.dropLast()) : name
    if name.hasPrefix("*.") {
      return dnsNames.contains { $0.lowercased() == name.lowercased() }
    }
    // To OpenSSL a leading dot means any subdomain.
    guard !name.isEmpty, !name.hasPrefix("."), !name.utf8.contains(0) else { return false }
    let flags =
      UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) | UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
    return unsafe X509_check_host(handle.pointer, name, name.utf8.count, flags, nil) == 1
  }

  /// Whether each certificate is issued by the next one; an empty list is not ordered.
  public static func isOrdered(_ chain: [Certificate]) -> Bool {
    guard !chain.isEmpty else { return false }
    return zip(chain, chain.dropFirst()).allSatisfy { $0.isIssued(by: $1) }
  }
}
