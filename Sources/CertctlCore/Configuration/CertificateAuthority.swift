import ACME
package import CertctlCrypto

/// A certificate authority: a preset of the catalog, or a directory URL that the user gave.
package struct CertificateAuthority: Sendable, Hashable {
  /// The preset's word (`letsencrypt`) or the directory URL.
  package let name: String
  /// What people call it.
  package let title: String
  /// The URL of its directory (RFC 8555, section 7.1.1).
  package let directory: String
  /// The directory for RSA keys, where the CA has two.
  package var rsaDirectory: String?
  /// The preset that stands in for this one on a dry run.
  package var dryRun: String?

  /// The CA that a user means by `text`: a preset's name or a URL.
  ///
  /// - Throws: `CertctlError` with code `usage` for anything else, `ACMEError` for a URL that is
  ///   neither https nor of this machine.
  package static func named(_ text: String) throws -> CertificateAuthority {
    if let preset = presets.first(where: { $0.name == text }) { return preset }
    guard text.contains("://") else {
      let names = presets.map(\.name).joined(separator: ", ")
      throw CertctlError(
        .usage, "unknown certificate authority '\(text)'",
        hint: "give the URL of its ACME directory, or one of: \(names)")
    }
    // Before anything is written: ACME itself would refuse it only when it is used.
    _ = try URLPolicy(directory: text)
    return CertificateAuthority(name: text, title: text, directory: text)
  }

  /// The directory for a key of this type.
  package func directory(for keyType: KeyType) -> String {
    keyType.isRSA ? rsaDirectory ?? directory : directory
  }
}

extension KeyType {
  /// Whether this is an RSA key of any size.
  package var isRSA: Bool { rawValue.hasPrefix("rsa") }
}
