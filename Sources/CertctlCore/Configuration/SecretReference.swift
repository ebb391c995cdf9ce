import CertctlBase
import FoundationEssentials

/// Where a secret lies: in a file, or in a credential that systemd hands to the service.
///
/// Settings hold the reference, never the secret, so that it stands in one place, which root guards.
package enum SecretReference: Sendable, Equatable {
  /// The file at this absolute path.
  case file(String)
  /// `LoadCredential=NAME:…` of the unit; by hand, `secrets/NAME` of the configuration directory.
  case credential(String)

  private static let prefix = "credential:"

  /// Reads a reference: an absolute path, or `credential:NAME`.
  ///
  /// - Throws: `CertctlError` with code `configuration` for anything else.
  package init(_ text: String) throws(CertctlError) {
    if text.hasPrefix(Self.prefix) {
      let name = String(text.dropFirst(Self.prefix.count))
      guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/"), name.utf8.count <= 255 else {
        throw CertctlError(
          .configuration, "'\(text)' names no credential",
          hint: "give credential: and the name of a LoadCredential= of the unit")
      }
      self = .credential(name)
    } else if text.hasPrefix("/") {
      self = .file(text)
    } else {
      // It may well be the secret itself, and errors end up in journals and mails.
      throw CertctlError(
        .configuration,
        "what is given there is neither an absolute path nor credential:NAME (it is not shown: it may "
          + "be the secret itself)",
        hint: "put the secret into a file, and give /etc/certctl/secrets/NAME, or credential:NAME")
    }
  }

  /// The secret, without white space around it; blocks.
  ///
  /// - Parameters:
  ///   - configDirectory: The configuration directory.
  ///   - environment: Where `CREDENTIALS_DIRECTORY` is looked for.
  ///   - warn: Told what is unwise.
  /// - Returns: The text.
  /// - Throws: `CertctlError` with code `configuration`; nothing of the secret stands in it.
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
