import CertctlCore

/// The paths in nginx files, as nginx sees them.
package struct SitePaths: Sendable, Equatable {
  /// The directory of nginx's main file.
  let nginx: String
  /// The directory of the certificates: `live`, or the directory of copies.
  let certificates: String
  /// Whether copies are used: key and chain in one file, so that one rename replaces both.
  let isCopied: Bool

  /// Creates the paths.
  ///
  /// - Throws: `CertctlError` with code `configuration` for a path with characters that have a
  ///   meaning in nginx files.
  package init(nginx: String, certificates: String, isCopied: Bool = false) throws {
    do {
      try SiteGrammar.path(nginx, "nginx directory")
      try SiteGrammar.path(certificates, "certificate directory")
    } catch let error as CertctlError {
      throw CertctlError(.configuration, error.message, hint: error.hint)
    }
    self.nginx = nginx
    self.certificates = certificates
    self.isCopied = isCopied
  }

  /// Returns the path of a shared file, such as `proxy.conf`.
  func shared(_ file: String) -> String { "\(nginx)/\(SiteFiles.folder)/\(file)" }

  /// Returns the files of a lineage's certificate and key.
  func pair(_ lineage: String, isRSA: Bool = false) -> (certificate: String, key: String) {
    let folder = "\(certificates)/\(lineage)" + (isRSA ? "/rsa" : "")
    if isCopied { return ("\(folder)/combined.pem", "\(folder)/combined.pem") }
    return ("\(folder)/fullchain.pem", "\(folder)/privkey.pem")
  }
}
