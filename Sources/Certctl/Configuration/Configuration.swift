import ACME
import CertctlBase
import PKI
import TOMLKit

/// The defaults for all lineages: `certctl.toml`.
///
/// Its keys are the words of the command line's options. An unknown key, or a value of the wrong
/// type, is an error that names it: a misspelt default must not pass in silence.
public struct Configuration: Sendable, Equatable {
  /// The settings that lineages start from.
  public var settings = SettingsOverrides()
  /// The contact e-mail addresses for new accounts.
  public var emails: [String] = []
  /// The key identifier of the account at the site of a CA that needs one.
  public var externalKeyID: String?
  /// Where the HMAC key that belongs to it lies.
  public var externalKey: SecretReference?
  /// Whether the terms of service of every CA in `ca` are agreed to.
  public var agreesToTerms = false
  /// Where `renew` writes its metrics for Prometheus, an absolute path; nil writes none.
  public var metricsFile: String?

  /// Where settings of DNS providers lie, by the names of their variables, as `DNSSettings` has them.
  public var dnsReferences: [String: String] = [:]

  /// The containers with an nginx that uses certificates of certctl's, beside those of sites.
  public var nginxContainers: [String] = []

  /// No defaults but the built-in ones.
  public init() {}

  /// Reads a configuration file's text.
  ///
  /// - Parameters:
  ///   - text: TOML.
  ///   - path: The file's path, for errors.
  /// - Throws: `CertctlError` with code `configuration`, with line and key.
  public init(toml text: String, path: String) throws {
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
      guard let read = Self.readers[key] else {
        throw Self.wrong(
          path, "unknown key '\(escapedForTerminal(key))'",
          hint: "known keys: \(Self.readers.keys.sorted().joined(separator: ", "))")
      }
      guard let value = table[key] else { continue }
      do {
        try read(&self, value)
      } catch let error as WrongValue {
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

  private typealias Reader =
    @Sendable (inout Configuration, any TOMLValueConvertible) throws -> Void

  private struct WrongValue: Error { let expected: String }

  private static let readers: [String: Reader] = [
    "email": { configuration, value in
      configuration.emails = try strings(value)
      _ = try Registration(emails: configuration.emails).contacts()
    },
    "eab-kid": { $0.externalKeyID = try string($1) },
    "eab-hmac-key-file": { $0.externalKey = try SecretReference(string($1)) },
    "agree-tos": { $0.agreesToTerms = try bool($1) },
    "ca": { configuration, value in
      let names = try strings(value)
      for name in names { _ = try CertificateAuthority.named(name) }
      configuration.settings.authorities = names
    },
    "ca-bundle": { $0.settings.caBundle = try path($1) },
    "challenge": { configuration, value in
      let word = try string(value)
      guard Catalog.solverTypes.contains(word) else {
        throw WrongValue(expected: "one of: \(Catalog.solverTypes.joined(separator: ", "))")
      }
      configuration.settings.challenge = ChallengeType(rawValue: word)
    },
    "http-port": { $0.settings.httpPort = try port($1) },
    "http-address": { configuration, value in
      let address = try string(value)
      try ChallengeSettings.checkAddress(address)
      configuration.settings.httpAddress = address
    },
    "webroot": { $0.settings.webroot = try path($1) },
    "tls-port": { $0.settings.tlsPort = try port($1) },
    "dns": { configuration, value in
      configuration.settings.dns.provider = try string(value)
      try configuration.settings.dns.validate()
    },
    "dns-resolver": { configuration, value in
      configuration.settings.dns.resolver = try string(value)
      try configuration.settings.dns.validate()
    },
    "dns-port": { $0.settings.dns.port = try port($1) },
    "dns-timeout": { configuration, value in
      guard let seconds = value.int, (1...86400).contains(seconds) else {
        throw WrongValue(expected: "a number of seconds, 1 to 86400")
      }
      configuration.settings.dns.timeLimit = seconds
    },
    "dns-check": { configuration, value in
      guard let check = DNSSettings.Check(rawValue: try string(value)) else {
        throw WrongValue(expected: "servers, resolver or none")
      }
      configuration.settings.dns.check = check
    },
    "dns-credentials": { configuration, value in
      guard let table = value.table else {
        throw WrongValue(expected: "a table of variables and where they lie")
      }
      for name in table.keys {
        guard let text = table[name]?.string else {
          throw WrongValue(expected: "a table of variables and where they lie, as text")
        }
        do {
          configuration.dnsReferences[name] = try Catalog.dnsReference(name, text)
        } catch let error as CertctlError where error.code == .configuration {
          throw CertctlError(
            .configuration, "\(escapedForTerminal(name)): \(error.message)", hint: error.hint)
        }
      }
    },
    "key-type": { configuration, value in
      guard let type = KeyType(rawValue: try string(value)), type != .ed25519 else {
        throw WrongValue(expected: "ec256, ec384, rsa2048, rsa3072 or rsa4096")
      }
      configuration.settings.keyType = type
    },
    "dual": { $0.settings.dual = try bool($1) },
    "reuse-key": { $0.settings.reuseKey = try bool($1) },
    "allow-partial": { $0.settings.allowPartial = try bool($1) },
    "profile": { $0.settings.profile = try string($1) },
    "preferred-chain": { $0.settings.preferredChain = try string($1) },
    "owner": { $0.settings.owner = try string($1) },
    "group": { $0.settings.group = try string($1) },
    "key-mode": { $0.settings.keyMode = try string($1) },
    "hook": { $0.settings.hooks = try strings($1).map { try path($0) } },
    "keep-generations": { configuration, value in
      guard let count = value.int, (1...1000).contains(count) else {
        throw WrongValue(expected: "a number, 1 to 1000")
      }
      configuration.settings.keepGenerations = count
    },
    "metrics-file": { $0.metricsFile = try path($1) },
    "nginx-container": { configuration, value in
      let names = try strings(value)
      guard names.allSatisfy(NginxContainer.isName) else {
        throw WrongValue(expected: "the name of a container")
      }
      configuration.nginxContainers = names
    },
  ]

  private static func string(_ value: any TOMLValueConvertible) throws -> String {
    guard let text = value.string else { throw WrongValue(expected: "a string") }
    return text
  }

  private static func strings(_ value: any TOMLValueConvertible) throws -> [String] {
    if let text = value.string { return [text] }
    guard let array = value.array, !array.isEmpty else {
      throw WrongValue(expected: "a string or a list of strings")
    }
    return try array.map { try string($0) }
  }

  private static func bool(_ value: any TOMLValueConvertible) throws -> Bool {
    guard let flag = value.bool else { throw WrongValue(expected: "true or false") }
    return flag
  }

  private static func path(_ value: any TOMLValueConvertible) throws -> String {
    let text = try string(value)
    guard text.hasPrefix("/") else { throw WrongValue(expected: "an absolute path") }
    return text
  }

  private static func port(_ value: any TOMLValueConvertible) throws -> Int {
    guard let number = value.int, (1...65535).contains(number) else {
      throw WrongValue(expected: "a port, 1 to 65535")
    }
    return number
  }
}
