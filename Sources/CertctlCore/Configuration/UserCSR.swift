package import ACME
package import CertctlCrypto

/// A certificate request that the user made, with a key that certctl never sees.
package struct UserCSR: Sendable, Equatable {
  package let request: CertificateRequest
  package let keyType: KeyType
  /// The names that it asks for: those of its subjectAltName extension.
  package let names: [Identifier]

  /// Reads a file's contents: PEM, or DER.
  ///
  /// The common name does not count: browsers do not look at it, some CAs take it for one more name
  /// and others do not, so that a request with a name there only would fail at one of them.
  ///
  /// - Throws: `CertctlError` with code `usage` when it is no request, is not signed by its own
  ///   key, asks for no name, or has a key that CAs do not certify.
  package init(contents: [UInt8]) throws {
    let request: CertificateRequest
    do throws(CryptoError) {
      let isText = contents.contains(Array("-----BEGIN".utf8))
      request =
        isText ? try CertificateRequest(pem: contents) : try CertificateRequest(der: contents)
    } catch {
      throw CertctlError(
        .usage, "the certificate request cannot be used: \(error.description)",
        hint: error.hint
          ?? "a request in PEM begins with -----BEGIN CERTIFICATE REQUEST-----")
    }
    self.request = request
    keyType = try Self.keyType(of: request)
    names = try Self.names(of: request)
  }

  /// The request as it is kept with the lineage.
  package var pem: String { String(decoding: request.pem, as: UTF8.self) }

  private static func keyType(of request: CertificateRequest) throws -> KeyType {
    if let type = request.publicKey.type, type != .ed25519 { return type }
    throw CertctlError(
      .usage,
      "the certificate request has a key of a kind that CAs do not certify: "
        + request.publicKey.kind,
      hint: "make one with a key on P-256 or P-384, or RSA with 2048, 3072 or 4096 bits")
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
          .usage, "the certificate request asks for a bad name: \(cause.message)",
          hint: cause.hint)
      }
    }
    let hint =
      "put all names into its subjectAltName extension: openssl req -new -key FILE -subj / "
      + "-addext subjectAltName=DNS:example.com,DNS:www.example.com"
    if let text = request.subjectCommonName, let name = try? Identifier(parsing: text),
      name.value.contains(".") || name.type == .ip, !names.contains(name)
    {
      throw CertctlError(
        .usage, "the certificate request names \(name.value) in its subject only", hint: hint)
    }
    guard !names.isEmpty else {
      throw CertctlError(.usage, "the certificate request asks for no name", hint: hint)
    }
    return names
  }
}

extension Array where Element == UInt8 {
  /// Whether these bytes stand in it one after another.
  fileprivate func contains(_ other: [UInt8]) -> Bool {
    guard count >= other.count, let first = other.first else { return other.isEmpty }
    return indices.dropLast(other.count - 1).contains { index in
      self[index] == first && self[index..<(index + other.count)].elementsEqual(other)
    }
  }
}
