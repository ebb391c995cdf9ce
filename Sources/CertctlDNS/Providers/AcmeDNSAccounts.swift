import ACME
import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials

/// The acme-dns account file shared with lego and acme-dns-client: a JSON object keyed by domain.
///
/// Entries of other programs and unknown fields are preserved.
struct AcmeDNSAccounts: Sendable {
  /// The account of one domain.
  struct Account: Sendable, Decodable {
    let username: String
    let password: String
    /// The target of the CNAME at `_acme-challenge.DOMAIN`, without a final dot.
    let fullDomain: String
    let subdomain: String

    private enum CodingKeys: String, CodingKey {
      case username, password, subdomain
      case fullDomain = "fulldomain"
    }

    /// Decodes an account from the file or from a registration response.
    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      username = try fields.decode(String.self, forKey: .username)
      password = try fields.decode(String.self, forKey: .password)
      subdomain = try fields.decode(String.self, forKey: .subdomain)
      let name = try fields.decode(String.self, forKey: .fullDomain).lowercased()
      fullDomain = name.hasSuffix(".") ? String(name.dropLast()) : name
    }
  }

  /// The path of the file.
  let path: String
  private let folder: DurableFolder
  private let name: String

  /// Creates a reference to the file, without accessing it.
  ///
  /// - Returns: nil if the path is not absolute, because the timer runs in another directory.
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

  /// Returns the accounts, keyed by domain; empty if the file does not exist.
  ///
  /// - Throws: `CertctlError` with code `configuration` if the file cannot be read.
  func all() async throws -> [String: Account] {
    try await entries().reduce(into: [:]) { accounts, entry in
      let data = try JSONEncoder().encode(entry.value)
      guard let account = try? JSONDecoder().decode(Account.self, from: data) else {
        throw unreadable("the account of \(entry.key) is incomplete")
      }
      accounts[entry.key.lowercased()] = account
    }
  }

  /// Adds accounts from registration responses; only the owner may read the file.
  ///
  /// - Throws: `CertctlError` with code `configuration` if the file cannot be read or written.
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
        .configuration,
        "cannot save the acme-dns accounts to \(path): \(error.detail ?? error.description)",
        hint: "create the directory of ACME_DNS_STORAGE_PATH, writable by this user")
    }
  }

  private func entries() async throws -> [String: JSONEntry] {
    let bytes: [UInt8]?
    do {
      bytes = try await read()
    } catch let error as HostError {
      throw unreadable(error.detail ?? error.description)
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
      .configuration, "cannot read the acme-dns accounts in \(path): \(why)",
      hint: "check ACME_DNS_STORAGE_PATH")
  }
}

/// Any JSON value, encoded as it was decoded.
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
