import ACME
package import CertctlCore

extension SettingDefinition {
  /// The help text, with the placeholders replaced by challenge types.
  package var helpText: String { Self.words.reduce(help) { $0.replacing($1.key, with: $1.value) } }

  private static let words: [String: String] = [
    "{types}": Catalog.solverTypes.joined(separator: ", "),
    "{type with dns}": Catalog.usualChallenge(hasProvider: true).rawValue,
    "{usual type}": Catalog.usualChallenge().rawValue,
    "{types of dns}": ChallengeSetting.provider.types,
    "{types of webroot}": ChallengeSetting.webroot.types,
    "{types of http-port}": ChallengeSetting.httpPort.types,
    "{types of tls-port}": ChallengeSetting.tlsPort.types,
  ]
}
