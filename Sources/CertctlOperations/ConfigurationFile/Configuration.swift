import ACME
package import CertctlCore
import CertctlCrypto
import CertctlSystem
import TOMLKit

/// The defaults for all lineages, from `certctl.toml`.
///
/// Its keys are those of the settings table and match the command line's options. An unknown key
/// or a value of the wrong type is an error, so that a typo is noticed.
package struct Configuration: Sendable, Equatable {
  /// The default settings of lineages and accounts.
  package var settings = SettingsOverrides()

  /// Creates a configuration with the built-in defaults only.
  package init() {}

  /// Parses the text of a configuration file.
  ///
  /// - Parameters:
  ///   - text: TOML.
  ///   - path: The file's path, for errors.
  /// - Throws: `CertctlError` with code `configuration`, with line and key.
  package init(toml text: String, path: String) throws {
    let table: TOMLTable
    do {
      table = try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      throw Self.wrong(
        path,
        "line \(error.source.begin.line), column \(error.source.begin.column): "
          + error.description)
    }
    for key in table.keys.sorted() {
      guard let setting = SettingsTable.byKey[key], setting.isInFile else {
        let known = SettingsTable.all.filter(\.isInFile).map(\.key).sorted()
        throw Self.wrong(
          path, "unknown key '\(key)'",
          hint: "known keys: \(known.joined(separator: ", "))")
      }
      guard let value = table[key] else { continue }
      do {
        settings[setting] = try setting.checked(try setting.read(value))
      } catch let error as WrongSetting {
        throw Self.wrong(path, "'\(key)' must be \(error.expected)")
      } catch {
        let cause = CertctlError(wrapping: error)
        throw Self.wrong(path, "'\(key)': \(cause.message)", hint: cause.hint)
      }
    }
  }

  private static func wrong(_ path: String, _ what: String, hint: String? = nil) -> CertctlError {
    CertctlError(.configuration, "\(path): \(what)", hint: hint)
  }
}

// MARK: - Settings outside lineages

extension Configuration {
  /// The contact e-mail addresses for new accounts.
  package var emails: [String] {
    get { settings.emails ?? [] }
    set { settings.emails = newValue }
  }

  /// The key identifier of the external account.
  package var externalKeyID: String? { settings.externalKeyID }

  /// The reference to the external account's HMAC key, checked when the file was read.
  package var externalKey: SecretReference? {
    settings.externalKeyFile.flatMap { try? SecretReference($0) }
  }

  /// Whether the user agrees to the terms of service of every CA in `ca`.
  package var agreesToTerms: Bool {
    get { settings.agreesToTerms ?? false }
    set { settings.agreesToTerms = newValue }
  }

  /// The absolute path of the Prometheus metrics file that `renew` writes; nil for none.
  package var metricsFile: String? {
    get { settings.metricsFile }
    set { settings.metricsFile = newValue }
  }

  /// The references to settings of DNS providers by variable name, as in `DNSSettings`.
  package var dnsReferences: [String: String] { settings.dnsCredentials ?? [:] }

  /// Containers whose nginx uses certctl's certificates, in addition to those of sites.
  package var nginxContainers: [String] { settings.nginxContainers ?? [] }
}

// MARK: - Reading

extension SettingDefinition {
  /// Reads a value of the file.
  ///
  /// - Throws: `WrongSetting` for a value of another form.
  fileprivate func read(_ value: any TOMLValueConvertible) throws -> SettingValue {
    switch form {
    case .text: return .text(try string(value))
    case .path: return .text(try path(value))
    case .texts: return .texts(try strings(value))
    case .paths:
      guard case let paths = try strings(value), paths.allSatisfy({ $0.hasPrefix("/") }) else {
        throw WrongSetting(expected: "an absolute path")
      }
      return .texts(paths)
    case .yes, .yesOrNo:
      guard let flag = value.bool else { throw WrongSetting(expected: "true or false") }
      return .flag(flag)
    case .word:
      let word = try string(value)
      let words = type.words ?? []
      guard words.contains(word) else {
        throw WrongSetting(
          expected: "\(words.dropLast().joined(separator: ", ")) or \(words.last ?? "")")
      }
      return .text(word)
    case .number(let range, let unit):
      guard let number = value.int, range.contains(number) else {
        throw WrongSetting(
          expected: "\(unit.words), \(range.lowerBound) to \(range.upperBound)")
      }
      return .number(number)
    case .table(let contents):
      guard let table = value.table else { throw WrongSetting(expected: "a table of \(contents)") }
      return .table(
        try Dictionary(
          table.keys.map { name in
            guard let text = table[name]?.string else {
              throw WrongSetting(expected: "a table of \(contents), as text")
            }
            return (name, text)
          },
          // Two keys that differ in TOML can be equal in Unicode.
          uniquingKeysWith: { $1 }))
    }
  }

  private func string(_ value: any TOMLValueConvertible) throws -> String {
    guard let text = value.string else { throw WrongSetting(expected: "a string") }
    return text
  }

  private func strings(_ value: any TOMLValueConvertible) throws -> [String] {
    if let text = value.string { return [text] }
    guard let array = value.array, !array.isEmpty else {
      throw WrongSetting(expected: "a string or a list of strings")
    }
    return try array.map(string)
  }

  private func path(_ value: any TOMLValueConvertible) throws -> String {
    guard case let text = try string(value), text.hasPrefix("/") else {
      throw WrongSetting(expected: "an absolute path")
    }
    return text
  }
}

extension SettingForm.Unit {
  /// The description of a number of this unit.
  fileprivate var words: String {
    switch self {
    case .port: "a port"
    case .number: "a number"
    case .seconds: "a number of seconds"
    }
  }
}
