import CertctlBase
import CertctlCore
import FoundationEssentials

/// The lookup of a DNS provider's settings.
///
/// The first source that has a setting wins: the environment variable NAME, the file named by the
/// variable NAME_FILE, the references of the lineage, the references of certctl.toml, the systemd
/// credential NAME, the file `secrets/NAME` in the configuration directory.
package struct DNSCredentials: Sendable {
  /// The environment variables.
  let environment: [String: String]
  /// The references of certctl.toml, by variable.
  let configured: [String: String]
  /// The configuration directory.
  let configDirectory: String
  /// Receives warnings about unsafe files.
  var warn: @Sendable (String) -> Void = { _ in }

  /// Returns the values of a provider's settings.
  ///
  /// - Parameters:
  ///   - descriptor: The provider.
  ///   - settings: The lineage's references.
  /// - Returns: The values, keyed by each setting's primary name.
  /// - Throws: `CertctlError` with code `configuration` when a required setting is missing or
  ///   unreadable.
  @Disk func values(
    of descriptor: DNSProviderDescriptor, for settings: DNSSettings
  ) throws -> [String: String] {
    var values: [String: String] = [:]
    for setting in descriptor.settings {
      if let value = try value(of: setting, settings) { values[setting.name] = value }
    }
    try descriptor.check(values, configDirectory: configDirectory)
    return values
  }

  @Disk private func value(
    of setting: DNSProviderSetting, _ settings: DNSSettings
  ) throws -> String? {
    let names = [setting.name] + setting.aliases
    for name in names {
      if let value = given(name) { return setting.isPath ? absolute(value) : value }
    }
    // A path is never read from a file: the contents, perhaps a secret, would be printed as a path.
    for name in names where !setting.isPath {
      if let path = given("\(name)_FILE") {
        let text = try read(.file(absolute(path)))
        guard !text.isEmpty else {
          throw CertctlError(
            .configuration,
            "cannot read \(name): the file \(path) set with \(name)_FILE is empty")
        }
        return text
      }
    }
    for references in [settings.references ?? [:], configured] {
      for name in names {
        if let reference = references[name] { return try resolved(reference) }
      }
    }
    return try names.compactMap(placed).first.map(read)
  }

  /// Returns the settings to save with a lineage: references, and values that are not secret.
  ///
  /// - Parameters:
  ///   - descriptor: The provider.
  ///   - known: The references saved so far.
  /// - Returns: The references, keyed by each setting's primary name.
  package func references(
    for descriptor: DNSProviderDescriptor, known: [String: String]
  ) -> [String: String] {
    var kept = known.filter { name, _ in descriptor.settings.contains { $0.name == name } }
    for setting in descriptor.settings {
      for name in [setting.name] + setting.aliases {
        if !setting.isPath, let path = given("\(name)_FILE") {
          kept[setting.name] = absolute(path)
        } else if let value = given(name) {
          guard !setting.isSecret else { continue }
          kept[setting.name] = "value:\(setting.isPath ? absolute(value) : value)"
        } else if environment[name] != nil {
          // An empty variable deletes the saved reference.
          kept[setting.name] = nil
        }
      }
    }
    return kept
  }

  /// Returns the secrets that exist only in this process's environment, so the timer lacks them.
  @Disk package func secretsOfEnvironment(
    _ descriptor: DNSProviderDescriptor, references: [String: String]
  ) -> [String] {
    descriptor.settings.filter { setting in
      let names = [setting.name] + setting.aliases
      let isGiven = names.contains { given($0) != nil }
      let isKept = names.contains {
        references[$0] != nil || configured[$0] != nil || placed($0) != nil
      }
      return setting.isSecret && isGiven && !isKept
    }.map(\.name)
  }

  // MARK: - Places

  /// Returns a variable without surrounding white space; nil if it is unset or blank.
  private func given(_ name: String) -> String? {
    guard let value = environment[name] else { return nil }
    let text = String(
      value.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    return text.isEmpty ? nil : text
  }

  @Disk private func resolved(_ reference: String) throws -> String {
    if reference.hasPrefix("value:") { return String(reference.dropFirst(6)) }
    return try read(try SecretReference(reference))
  }

  /// Returns the systemd credential or secret file named like a variable; nil if neither exists.
  private func placed(_ name: String) -> SecretReference? {
    let folders = [environment["CREDENTIALS_DIRECTORY"], "\(configDirectory)/secrets"]
    for folder in folders.compactMap({ $0 }) {
      let path = "\(folder)/\(name)"
      if FileManager.default.fileExists(atPath: path) { return .file(path) }
    }
    return nil
  }

  @Disk private func read(_ reference: SecretReference) throws -> String {
    try reference.read(configDirectory: configDirectory, environment: environment, warn: warn)
  }

  private func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
  }
}

extension DNSProviderDescriptor {
  /// Checks, before any request, that the required settings are set.
  ///
  /// - Parameters:
  ///   - values: The settings that are set.
  ///   - configDirectory: The configuration directory, for the hint.
  /// - Throws: `CertctlError` with code `configuration` that names the missing settings; it never
  ///   contains a value.
  func check(_ values: [String: String], configDirectory: String) throws {
    func missing(_ names: [String]) -> [String] {
      names.filter { name in
        values[name] == nil && settings.first { $0.name == name }?.fallback == nil
      }
    }
    let needed = settings.filter { $0.fallback == nil }.map(\.name)
    let choices = (ways.isEmpty ? [needed] : ways).map { (all: $0, missing: missing($0)) }
    guard !choices.contains(where: { $0.missing.isEmpty }) else { return }
    // If some sets are partly given, the user means one of those.
    let begun = choices.filter { $0.missing.count < $0.all.count }
    let wanted = (begun.isEmpty ? choices : begun).map(\.missing)
    let words = wanted.map { $0.joined(separator: " and ") }
    let explained = settings.filter { setting in wanted.contains { $0.contains(setting.name) } }
    let example = wanted.first?.first ?? ""
    throw CertctlError(
      .configuration, "\(title) requires \(words.joined(separator: ", or "))",
      hint:
        "store it in \(configDirectory)/secrets/\(example) (mode 0600), which the timer reads too, "
        + "or set \(example) in the environment",
      details: explained.map { "\($0.name): \($0.summary)" })
  }
}
