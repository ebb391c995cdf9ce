public import ACME
import CertctlBase
import HostIO
public import PKI

/// What is wanted of a lineage: enough to renew it with nobody watching.
public struct LineageSettings: Codable, Sendable, Equatable {
  /// The names to certify, in the order given; the first names the lineage.
  public var names: [Identifier]
  /// The CAs in order of preference: preset names or directory URLs.
  public var authorities: [String]
  /// A PEM file that the CA's HTTPS certificate must chain to, instead of the system's store.
  public var caBundle: String?
  /// How the names are proved.
  public var challenge: ChallengeSettings
  /// The type of the certificate's key.
  public var keyType: KeyType
  /// The type of a second key, RSA beside ECDSA; nil for one certificate only.
  public var rsaKeyType: KeyType?
  /// Whether renewals keep the key.
  public var reuseKey: Bool
  /// Whether a certificate may be issued without the names that cannot be proved; false by default.
  public var allowPartial: Bool?
  /// The user's own certificate request in PEM; then the key is none of certctl's business.
  public var csr: String?
  /// The certificate profile to ask the CA for (draft-ietf-acme-profiles).
  public var profile: String?
  /// The issuer CN of the last certificate of the chain to choose among alternates.
  public var preferredChain: String?
  /// Who may read the files.
  public var files: FileSettings
  /// The lineage's own deploy hooks: absolute paths of programs, in the order in which they run.
  public var hooks: [String]?
  /// How many generations stay on disk, the one in use included; nil means 5.
  public var keepGenerations: Int?

  /// Settings with certctl's defaults for what is not given.
  public init(
    names: [Identifier], authorities: [String], caBundle: String? = nil,
    challenge: ChallengeSettings = .init(type: .http01), keyType: KeyType = .ec256,
    rsaKeyType: KeyType? = nil, reuseKey: Bool = false, csr: String? = nil, profile: String? = nil,
    preferredChain: String? = nil,
    files: FileSettings = .init(), hooks: [String]? = nil, keepGenerations: Int? = nil,
    allowPartial: Bool? = nil
  ) {
    self.names = names
    self.authorities = authorities
    self.caBundle = caBundle
    self.challenge = challenge
    self.keyType = keyType
    self.rsaKeyType = rsaKeyType
    self.reuseKey = reuseKey
    self.csr = csr
    self.profile = profile
    self.preferredChain = preferredChain
    self.files = files
    self.hooks = hooks
    self.keepGenerations = keepGenerations
    self.allowPartial = allowPartial
  }

  /// Whether a certificate issued under `other` still is what these settings want.
  func wantSameCertificate(as other: LineageSettings) -> Bool { change(since: other) == nil }

  /// Why a certificate issued under `other` is not what these settings want; nil when it is.
  func change(since other: LineageSettings) -> String? {
    let added = names.filter { !other.names.contains($0) }.map(\.value)
    if !added.isEmpty { return "new names: \(added.joined(separator: ", "))" }
    let gone = other.names.filter { !names.contains($0) }.map(\.value)
    if !gone.isEmpty { return "names taken away: \(gone.joined(separator: ", "))" }
    if authorities != other.authorities { return "another CA is wanted" }
    if csr != other.csr { return "another certificate request is given" }
    if keyType != other.keyType { return "another key type is wanted: \(keyType.rawValue)" }
    if rsaKeyType != other.rsaKeyType {
      return rsaKeyType.map { "an RSA certificate beside it is wanted: \($0.rawValue)" }
        ?? "no RSA certificate beside it is wanted any more"
    }
    if profile != other.profile { return "another profile is wanted" }
    return preferredChain != other.preferredChain ? "another chain is wanted" : nil
  }
}

/// Owner, group and mode of a lineage's generation folders and keys.
public struct FileSettings: Codable, Sendable, Equatable {
  /// The owner's user name or number; the user who runs certctl by default.
  public var owner: String?
  /// The group's name or number; the group of the user who runs certctl by default.
  public var group: String?
  /// The key's mode as octal digits, `0600` by default.
  public var keyMode: String?

  /// File settings; what is nil takes the default.
  public init(owner: String? = nil, group: String? = nil, keyMode: String? = nil) {
    self.owner = owner
    self.group = group
    self.keyMode = keyMode
  }

  /// The attributes of the key file.
  ///
  /// - Throws: `CertctlError` with code `usage` for an unknown user, group or mode.
  func keyAttributes() throws -> FileAttributes {
    let mode = try parsedKeyMode()
    return FileAttributes(mode: mode, owner: try ownerID(), group: try groupID())
  }

  /// The attributes of certificate files, which are public.
  func certificateAttributes() throws -> FileAttributes {
    FileAttributes(mode: 0o644, owner: try ownerID(), group: try groupID())
  }

  /// The attributes of a generation folder: who may read the key may enter it.
  func folderAttributes() throws -> FileAttributes {
    let mode = try parsedKeyMode()
    let enter = (mode & 0o444) >> 2
    return FileAttributes(
      mode: 0o700 | (mode & 0o044) | (enter & 0o011), owner: try ownerID(), group: try groupID())
  }

  private func parsedKeyMode() throws -> UInt32 {
    guard let keyMode else { return 0o600 }
    guard (3...4).contains(keyMode.utf8.count), keyMode.utf8.allSatisfy({ (48...55).contains($0) }),
      let mode = UInt32(keyMode, radix: 8), mode & ~0o660 == 0, mode & 0o400 != 0
    else {
      throw CertctlError(
        .usage, "the key mode '\(escapedForTerminal(keyMode))' is not usable",
        hint: "give octal digits that let the owner read and nobody else but the group: "
          + "0600, 0640, 0400 or 0440")
    }
    return mode
  }

  private func ownerID() throws -> UInt32? {
    guard let owner else { return nil }
    // By its number, too: the users of a container have no name here.
    guard let id = UInt32(owner) ?? SystemAccount.userID(named: owner) else {
      throw CertctlError(
        .usage, "there is no user '\(escapedForTerminal(owner))' on this machine",
        hint: "see: getent passwd")
    }
    return id
  }

  private func groupID() throws -> UInt32? {
    guard let group else { return nil }
    guard let id = UInt32(group) ?? SystemAccount.groupID(named: group) else {
      throw CertctlError(
        .usage, "there is no group '\(escapedForTerminal(group))' on this machine",
        hint: "see: getent group")
    }
    return id
  }
}
