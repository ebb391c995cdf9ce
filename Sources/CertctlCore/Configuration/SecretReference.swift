import CertctlBase
import FoundationEssentials

/// A reference to a secret: a file, or a credential that systemd passes to the service.
///
/// Settings contain the reference, never the secret, so that only one protected file contains it.
package enum SecretReference: Sendable, Equatable {
  /// The file at this absolute path.
  case file(String)
  /// `LoadCredential=NAME:…` of the unit; outside systemd, `secrets/NAME` in the configuration
  /// directory.
  case credential(String)

  private static let prefix = "credential:"

  /// Parses a reference: an absolute path, or `credential:NAME`.
  ///
  /// - Throws: `CertctlError` with code `configuration` for other text.
  package init(_ text: String) throws(CertctlError) {
    if text.hasPrefix(Self.prefix) {
      let name = String(text.dropFirst(Self.prefix.count))
      guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/"), name.utf8.count <= 255 else {
        throw CertctlError(
          .configuration, "'\(text)' is not a valid credential",
          hint: "use credential:NAME, with NAME from LoadCredential= in the unit")
      }
      self = .credential(name)
    } else if text.hasPrefix("/") {
      self = .file(text)
    } else {
      // The text may be the secret itself, and errors are written to journals and mails.
      throw CertctlError(
        .configuration,
        "the value is neither an absolute path nor credential:NAME (not shown: it may be a secret)",
        hint: "put the secret into a file such as /etc/certctl/secrets/NAME and use its path")
    }
  }

  /// Reads the secret, without white space around it; blocks.
  ///
  /// - Parameters:
  ///   - configDirectory: The configuration directory.
  ///   - environment: The environment variables, for `CREDENTIALS_DIRECTORY`.
  ///   - warn: Prints a warning.
  /// - Returns: The secret.
  /// - Throws: `CertctlError` with code `configuration`; it never contains the secret.
  @Disk package func read(
    configDirectory: String,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    warn: @escaping @Sendable (String) -> Void
  ) throws(CertctlError) -> String {
    let path =
      switch self {
      case .file(let path): path
      case .credential(let name):
        "\(environment["CREDENTIALS_DIRECTORY"] ?? "\(configDirectory)/secrets")/\(name)"
      }
    let text = String(decoding: try SecretFile(path: path, warn: warn).read(), as: UTF8.self)
    return String(
      text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
