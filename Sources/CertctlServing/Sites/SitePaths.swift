import CertctlCore

/// Where things lie, as nginx sees them.
package struct SitePaths: Sendable, Equatable {
  /// The folder of nginx's main file.
  let nginx: String
  /// The folder of the certificates: `live`, or where copies of them are.
  let certificates: String
  /// Whether they are copies: key and chain in one file, so that one rename changes both.
  let isCopied: Bool

  /// Paths, as nginx sees them.
  ///
  /// - Throws: `CertctlError` with code `configuration` for a path that has a character with a
  ///   meaning in nginx's files.
  package init(nginx: String, certificates: String, isCopied: Bool = false) throws {
    do {
      try SiteGrammar.path(nginx, "path of nginx's folder")
      try SiteGrammar.path(certificates, "path of the certificates")
    } catch let error as CertctlError {
      throw CertctlError(.configuration, error.message, hint: error.hint)
    }
    self.nginx = nginx
    self.certificates = certificates
    self.isCopied = isCopied
  }

  /// The path of one of certctl's shared files, such as `proxy.conf`.
  func shared(_ file: String) -> String { "\(nginx)/\(SiteFiles.folder)/\(file)" }

  /// The files of a lineage's certificate and key: of the RSA one of two, if that is asked for.
  func pair(_ lineage: String, isRSA: Bool = false) -> (certificate: String, key: String) {
    let folder = "\(certificates)/\(lineage)" + (isRSA ? "/rsa" : "")
    if isCopied { return ("\(folder)/combined.pem", "\(folder)/combined.pem") }
    return ("\(folder)/fullchain.pem", "\(folder)/privkey.pem")
  }
}
