import CertctlBase
import CertctlCore
import FoundationEssentials

/// Finds the settings of a DNS provider, wherever they are kept.
///
/// In this order: the environment by the variable's name, by its name and `_FILE`; what the lineage
/// refers to; what certctl.toml refers to; a credential of systemd, or a file below `secrets/` of the
/// configuration directory, by the variable's name.
package struct DNSCredentials: Sendable {
  /// What the environment says.
  let environment: [String: String]
  /// The references of certctl.toml, by variable.
  let configured: [String: String]
  /// The configuration directory.
  let configDirectory: String
  /// Told what is unwise about the files.
  var warn: @Sendable (String) -> Void = { _ in }

  /// The values of a provider's settings.
  ///
  /// - Parameters:
  ///   - descriptor: The provider.
  ///   - settings: The lineage's references.
  /// - Returns: The values by the first of each variable's names.
  /// - Throws: `CertctlError` with code `configuration` when what must be given is not, or cannot be
  ///   read.
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
    // What is a path itself is not the contents of a file: they would be shown as a path.
    for name in names where !setting.isPath {
      if let path = given("\(name)_FILE") {
        let text = try read(.file(absolute(path)))
        guard !text.isEmpty else {
          throw CertctlError(
            .configuration,
            "the file \(path), which \(name)_FILE names, is empty")
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

  /// What is to be kept with a lineage of what is given now: references, and what is no secret.
  ///
  /// - Parameters:
  ///   - descriptor: The provider.
  ///   - known: What the lineage has already.
  /// - Returns: The references by the first of each variable's names.
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
          // An empty variable takes back what was kept.
          kept[setting.name] = nil
        }
      }
    }
    return kept
  }

  /// The secrets that only the environment of this process has, and so no timer.
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

  /// What the environment says, without white space around it; nil for nothing.
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

  /// The secret that lies under a variable's own name; nil when there is none.
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
  /// Checks that what must be given is there, before any request.
  ///
  /// - Parameters:
  ///   - values: What is given.
  ///   - configDirectory: Where files may be put.
  /// - Throws: `CertctlError` with code `configuration` that names what is missing, and never what is
  ///   there.
  func check(_ values: [String: String], configDirectory: String) throws {
    func missing(_ names: [String]) -> [String] {
      names.filter { name in
        values[name] == nil && settings.first { $0.name == name }?.fallback == nil
      }
    }
    let needed = settings.filter { $0.fallback == nil }.map(\.name)
    let choices = (ways.isEmpty ? [needed] : ways).map { (all: $0, missing: missing($0)) }
    guard !choices.contains(where: { $0.missing.isEmpty }) else { return }
    // The way that somebody has begun is the one that is meant.
    let begun = choices.filter { $0.missing.count < $0.all.count }
    let wanted = (begun.isEmpty ? choices : begun).map(\.missing)
    let words = wanted.map { names in
      names.map { name in
        let summary = settings.first { $0.name == name }?.summary
        return summary.map { "\(name) (\($0))" } ?? name
      }.joined(separator: " and ")
    }
    let example = wanted.first?.first ?? ""
    throw CertctlError(
      .configuration, "\(title) needs \(words.joined(separator: ", or "))",
      hint:
        "put it into the file \(configDirectory)/secrets/\(example) (mode 0600), where the timer "
        + "finds it, too; or set \(example) or \(example)_FILE in the environment")
  }
}
