import ACME
package import CertctlCrypto

/// A certificate authority: a preset, or a directory URL from the user.
package struct CertificateAuthority: Sendable, Hashable {
  /// The preset's name (`letsencrypt`) or the directory URL.
  package let name: String
  /// The name for people.
  package let title: String
  /// The directory URL (RFC 8555, section 7.1.1).
  package let directory: String
  /// The directory URL for RSA keys, if the CA has a separate one.
  package var rsaDirectory: String?
  /// The preset that replaces this one in a dry run.
  package var dryRun: String?

  /// Returns the CA for a preset's name or a directory URL.
  ///
  /// - Throws: `CertctlError` with code `usage` for any other text, `ACMEError` for a URL that is
  ///   neither https nor on this host.
  package static func named(_ text: String) throws -> CertificateAuthority {
    if let preset = presets.first(where: { $0.name == text }) { return preset }
    guard text.contains("://") else {
      let names = presets.map(\.name).joined(separator: ", ")
      throw CertctlError(
        .usage, "unknown certificate authority '\(text)'",
        hint: "use a directory URL, or one of: \(names)")
    }
    // ACME would refuse the URL only at the first request, after files are written.
    _ = try URLPolicy(directory: text)
    return CertificateAuthority(name: text, title: text, directory: text)
  }

  /// Returns the directory URL for a key type.
  package func directory(for keyType: KeyType) -> String {
    keyType.isRSA ? rsaDirectory ?? directory : directory
  }
}

extension KeyType {
  /// Whether the key is an RSA key.
  package var isRSA: Bool { rawValue.hasPrefix("rsa") }
}
