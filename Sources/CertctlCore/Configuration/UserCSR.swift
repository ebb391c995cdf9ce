package import ACME
package import CertctlCrypto

/// A CSR from the user, whose key certctl never sees.
package struct UserCSR: Sendable, Equatable {
  package let request: CertificateRequest
  package let keyType: KeyType
  /// The names in its subjectAltName extension.
  package let names: [Identifier]

  /// Parses a CSR in PEM or DER.
  ///
  /// - Parameters:
  ///   - contents: The bytes.
  ///   - path: The file that they were read from, if any, for the error.
  ///
  /// The common name does not count: browsers ignore it, and not all CAs accept it as a name. A CSR
  /// with a name only there would fail at some of them.
  ///
  /// - Throws: `CertctlError` with code `usage` if it is not a CSR, is not signed with its own key,
  ///   contains no names, or has a key type that CAs do not accept.
  package init(contents: [UInt8], of path: String? = nil) throws {
    let request: CertificateRequest
    do throws(CryptoError) {
      let isText = contents.contains(Array("-----BEGIN".utf8))
      request =
        isText ? try CertificateRequest(pem: contents) : try CertificateRequest(der: contents)
    } catch {
      throw CertctlError(
        .usage,
        error.description.replacing("the CSR", with: path.map { "the CSR \($0)" } ?? "the CSR"),
        hint: error.hint ?? "use a CSR in PEM or DER format")
    }
    self.request = request
    keyType = try Self.keyType(of: request)
    names = try Self.names(of: request)
  }

  /// The CSR in PEM, as saved with the lineage.
  package var pem: String { String(decoding: request.pem, as: UTF8.self) }

  private static func keyType(of request: CertificateRequest) throws -> KeyType {
    if let type = request.publicKey.type, type != .ed25519 { return type }
    throw CertctlError(
      .usage, "cannot use the CSR: CAs do not accept its key type, \(request.publicKey.kind)",
      hint: "use a P-256 or P-384 key, or an RSA key with 2048, 3072 or 4096 bits")
  }

  private static func names(of request: CertificateRequest) throws -> [Identifier] {
    var names: [Identifier] = []
    for text in request.dnsNames + request.ipAddresses {
      do {
        let name = try Identifier(parsing: text)
        if !names.contains(name) { names.append(name) }
      } catch {
        let cause = CertctlError(wrapping: error)
        throw CertctlError(
          .usage, "the CSR contains an invalid name: \(cause.message)",
          hint: cause.hint)
      }
    }
    let hint =
      "add all names to its subjectAltName extension: openssl req -new -key FILE -subj / "
      + "-addext subjectAltName=DNS:example.com,DNS:www.example.com"
    if let text = request.subjectCommonName, let name = try? Identifier(parsing: text),
      name.value.contains(".") || name.type == .ip, !names.contains(name)
    {
      throw CertctlError(
        .usage, "the CSR contains \(name.value) only in its subject", hint: hint)
    }
    guard !names.isEmpty else {
      throw CertctlError(.usage, "the CSR contains no names", hint: hint)
    }
    return names
  }
}

extension Array where Element == UInt8 {
  /// Returns whether the array contains the other bytes in sequence.
  fileprivate func contains(_ other: [UInt8]) -> Bool {
    guard count >= other.count, let first = other.first else { return other.isEmpty }
    return indices.dropLast(other.count - 1).contains { index in
      self[index] == first && self[index..<(index + other.count)].elementsEqual(other)
    }
  }
}
