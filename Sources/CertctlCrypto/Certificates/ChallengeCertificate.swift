import COpenSSL
import CertctlBase

/// The certificate for a tls-alpn-01 challenge (RFC 8737 section 3, RFC 8738 for addresses).
package enum ChallengeCertificate {
  /// The ALPN protocol that the CA requests.
  package static let alpn = "acme-tls/1"

  /// The object identifier of id-pe-acmeIdentifier.
  private static let acmeIdentifier = "1.3.6.1.5.5.7.1.31"

  /// Creates a self-signed certificate that is valid for a week.
  ///
  /// - Parameters:
  ///   - name: A DNS name or an IP address as text; its only subject alternative name.
  ///   - digest: The SHA-256 of the key authorization: 32 bytes.
  ///   - key: A separate key, not the key of the requested certificate.
  /// - Returns: The certificate.
  /// - Throws: `CryptoError` with `.malformed` for a bad name or digest.
  package static func make(
    for name: String, digest: [UInt8], key: PrivateKey
  ) throws(CryptoError) -> Certificate {
    let operation = "create the tls-alpn-01 certificate"
    guard digest.count == 32 else {
      throw CryptoError(
        .malformed, operation: operation, subject: name,
        reasons: ["the digest has \(digest.count) bytes instead of 32"])
    }
    return try SelfSigned.make(
      commonName: "ACME challenge", names: [name], days: 7, key: key, operation
    ) { (certificate: borrowing Owned) throws(CryptoError) in
      try addIdentifier(digest, to: certificate, operation)
    }
  }

  /// Returns the SNI that the CA sends: for an address its name in the reverse zone (RFC 8738
  /// section 6).
  ///
  /// - Parameter name: A DNS name or an IP address as text.
  /// - Returns: The name in lower case, without a trailing dot.
  package static func serverName(for name: String) -> String {
    guard let address = IPAddress(name) else { return name.lowercased() }
    guard address.isV6 else {
      return address.octets.reversed().map(String.init).joined(separator: ".") + ".in-addr.arpa"
    }
    let nibbles = address.octets.reversed().flatMap { [$0 & 0x0f, $0 >> 4] }
    return nibbles.map { String($0, radix: 16) }.joined(separator: ".") + ".ip6.arpa"
  }

  /// Adds the critical extension that contains the digest as an OCTET STRING.
  private static func addIdentifier(
    _ digest: [UInt8], to certificate: borrowing Owned, _ operation: String
  ) throws(CryptoError) {
    let object = try unsafe Owned(OBJ_txt2obj(acmeIdentifier, 1), ASN1_OBJECT_free, operation)
    guard let value = unsafe ASN1_OCTET_STRING_new() else { throw .drained(operation) }
    defer { unsafe ASN1_OCTET_STRING_free(value) }
    let content = [UInt8(V_ASN1_OCTET_STRING), UInt8(digest.count)] + digest
    guard unsafe ASN1_OCTET_STRING_set(value, content, Int32(content.count)) == 1 else {
      throw .drained(operation)
    }
    let identifier = try unsafe Owned(
      X509_EXTENSION_create_by_OBJ(nil, object.pointer, 1, value), X509_EXTENSION_free, operation)
    guard unsafe X509_add_ext(certificate.pointer, identifier.pointer, -1) == 1 else {
      throw .drained(operation)
    }
  }
}
