import COpenSSL
import CertctlBase

extension Certificate {
  /// Returns whether the key belongs to this certificate.
  public func matches(_ key: PrivateKey) -> Bool {
    defer { ErrorQueue.clear() }
    return unsafe X509_check_private_key(handle.pointer, key.handle.pointer) == 1
  }

  /// Returns whether this certificate certifies the key.
  public func certifies(_ key: PublicKey) -> Bool {
    defer { ErrorQueue.clear() }
    guard let own = unsafe X509_get0_pubkey(handle.pointer),
      let other = try? key.decoded("read the public key")
    else { return false }
    return unsafe EVP_PKEY_eq(own, other.pointer) == 1
  }

  /// Returns whether another certificate issued this one: names, key identifiers and signature
  /// match.
  ///
  /// Dates and trust are not checked.
  public func isIssued(by issuer: Certificate) -> Bool {
    defer { ErrorQueue.clear() }
    guard unsafe X509_check_issued(issuer.handle.pointer, handle.pointer) == X509_V_OK,
      let key = unsafe X509_get0_pubkey(issuer.handle.pointer)
    else { return false }
    return unsafe X509_verify(handle.pointer, key) == 1
  }

  /// Returns whether clients accept this certificate for a name.
  ///
  /// Only the subjectAltName extension counts, never the common name (RFC 6125 section 6.4.4).
  ///
  /// - Parameter name: A DNS name, an IP address as text, or a wildcard `*.example.com`, which only
  ///   the identical wildcard covers.
  /// - Returns: Whether it is covered; `*.example.com` covers names with exactly one more label.
  public func covers(_ name: String) -> Bool {
    defer { ErrorQueue.clear() }
    if let address = IPAddress(name) {
      return unsafe X509_check_ip(handle.pointer, address.octets, address.octets.count, 0) == 1
    }
    let name = name.hasSuffix(".") ? String(name.dropLast()) : name
    if name.hasPrefix("*.") {
      return dnsNames.contains { $0.lowercased() == name.lowercased() }
    }
    // OpenSSL takes a leading dot to mean any subdomain.
    guard !name.isEmpty, !name.hasPrefix("."), !name.utf8.contains(0) else { return false }
    let flags =
      UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) | UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
    return unsafe X509_check_host(handle.pointer, name, name.utf8.count, flags, nil) == 1
  }

  /// Returns whether each certificate was issued by the next one; false for an empty list.
  public static func isOrdered(_ chain: [Certificate]) -> Bool {
    guard !chain.isEmpty else { return false }
    return zip(chain, chain.dropFirst()).allSatisfy { $0.isIssued(by: $1) }
  }
}
