import ACME
import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials

/// The file in which lego and acme-dns-client keep their accounts at acme-dns: a JSON object with
/// the domains as its keys.
///
/// What others keep in it stays there, also fields that are unknown here.
struct AcmeDNSAccounts: Sendable {
  /// The account of one domain.
  struct Account: Sendable, Decodable {
    let username: String
    let password: String
    /// The name to which `_acme-challenge.DOMAIN` points, without a final dot.
    let fullDomain: String
    let subdomain: String

    private enum CodingKeys: String, CodingKey {
      case username, password, subdomain
      case fullDomain = "fulldomain"
    }

    /// Reads an account of the file, or of the answer to a registration.
    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      username = try fields.decode(String.self, forKey: .username)
      password = try fields.decode(String.self, forKey: .password)
      subdomain = try fields.decode(String.self, forKey: .subdomain)
      let name = try fields.decode(String.self, forKey: .fullDomain).lowercased()
      fullDomain = name.hasSuffix(".") ? String(name.dropLast()) : name
    }
  }

  /// Where the file is.
  let path: String
  private let folder: DurableFolder
  private let name: String

  /// Names the file; nothing is looked at.
  ///
  /// - Returns: nil for a path that is not absolute: the timer runs in another folder.
  init?(path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard path.hasPrefix("/"), let name = parts.last, !["", ".", ".."].contains(name) else {
      return nil
    }
    let parent = parts.dropLast().joined(separator: "/")
    folder = DurableFolder(path: parent.isEmpty ? "/" : parent, root: parent.isEmpty ? "/" : parent)
    self.path = path
    self.name = name
  }

  /// The accounts by their domains; none when there is no file.
  ///
  /// - Throws: `CertctlError` with code `configuration` for a file that cannot be read.
  func all() async throws -> [String: Account] {
    try await entries().reduce(into: [:]) { accounts, entry in
      let data = try JSONEncoder().encode(entry.value)
      guard let account = try? JSONDecoder().decode(Account.self, from: data) else {
        throw unreadable("the account of \(entry.key) is not complete")
      }
      accounts[entry.key.lowercased()] = account
    }
  }

  /// Adds accounts, as the server described them, and nobody but the file's owner may read them.
  ///
  /// - Throws: `CertctlError` with code `configuration` for a file that cannot be read or written.
  func add(_ new: [String: [UInt8]], server: String) async throws {
    var entries = try await entries()
    for (domain, answer) in new {
      var fields = try JSONDecoder().decode([String: JSONEntry].self, from: Data(answer))
      fields["server_url"] = .text(server)
      entries[domain] = .object(fields)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    let bytes = [UInt8](try encoder.encode(entries))
    do {
      try await write(bytes)
    } catch let error as HostError {
      throw CertctlError(
        .configuration, "the accounts at acme-dns could not be saved: \(error.description)",
        hint: "make the folder of ACME_DNS_STORAGE_PATH, writable for this user")
    }
  }

  private func entries() async throws -> [String: JSONEntry] {
    let bytes: [UInt8]?
    do {
      bytes = try await read()
    } catch let error as HostError {
      throw unreadable(error.description)
    }
    guard let bytes, !bytes.isEmpty else { return [:] }
    guard let entries = try? JSONDecoder().decode([String: JSONEntry].self, from: Data(bytes))
    else { throw unreadable("it is not a JSON object") }
    return entries
  }

  @Disk private func read() throws -> [UInt8]? { try folder.read(name) }

  @Disk private func write(_ bytes: [UInt8]) throws {
    try folder.write(name, bytes, FileAttributes(mode: 0o600))
  }

  private func unreadable(_ why: String) -> CertctlError {
    CertctlError(
      .configuration,
      "the accounts at acme-dns in \(path) cannot be read: "
        + why, hint: "see ACME_DNS_STORAGE_PATH")
  }
}

/// Any JSON, to be written back as it was.
private indirect enum JSONEntry: Sendable, Codable {
  case text(String)
  case integer(Int64)
  case number(Double)
  case flag(Bool)
  case list([JSONEntry])
  case object([String: JSONEntry])
  case null

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let text = try? value.decode(String.self) {
      self = .text(text)
    } else if let flag = try? value.decode(Bool.self) {
      self = .flag(flag)
    } else if let integer = try? value.decode(Int64.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let list = try? value.decode([JSONEntry].self) {
      self = .list(list)
    } else {
      self = .object(try value.decode([String: JSONEntry].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let text): try container.encode(text)
    case .integer(let integer): try container.encode(integer)
    case .number(let number): try container.encode(number)
    case .flag(let flag): try container.encode(flag)
    case .list(let list): try container.encode(list)
    case .object(let object): try container.encode(object)
    case .null: try container.encodeNil()
    }
  }
}
