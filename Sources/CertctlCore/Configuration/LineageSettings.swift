package import ACME
package import CertctlCrypto
package import CertctlSystem

/// What is wanted of a lineage: enough to renew it with nobody watching.
///
/// Settings that stand for themselves are read by their names in the settings table; those that belong
/// together have a type of their own.
@dynamicMemberLookup
package struct LineageSettings: Codable, Sendable, Equatable {
  /// The names to certify, in the order given; the first names the lineage.
  package var names: [Identifier]
  /// How the names are proved.
  package var challenge: ChallengeSettings
  /// The type of a second key, RSA beside ECDSA; nil for one certificate only.
  package var rsaKeyType: KeyType?
  /// The user's own certificate request in PEM; then the key is none of certctl's business.
  package var csr: String?
  /// Who may read the files.
  package var files: FileSettings
  /// The settings with a key of their own, by their keys in the table.
  var own: [String: SettingValue] = [:]

  /// Settings with certctl's defaults for what is not given.
  package init(
    names: [Identifier], authorities: [String], caBundle: String? = nil,
    challenge: ChallengeSettings = .init(type: .http01), keyType: KeyType = .ec256,
    rsaKeyType: KeyType? = nil, reuseKey: Bool = false, csr: String? = nil, profile: String? = nil,
    preferredChain: String? = nil,
    files: FileSettings = .init(), hooks: [String]? = nil, keepGenerations: Int? = nil,
    allowPartial: Bool? = nil
  ) {
    self.names = names
    self.challenge = challenge
    self.rsaKeyType = rsaKeyType
    self.csr = csr
    self.files = files
    self.authorities = authorities
    self.caBundle = caBundle
    self.keyType = keyType
    self.reuseKey = reuseKey
    self.profile = profile
    self.preferredChain = preferredChain
    self.hooks = hooks
    self.keepGenerations = keepGenerations
    self.allowPartial = allowPartial
  }

  /// A setting of the table.
  package subscript<Value>(
    dynamicMember setting: KeyPath<SettingsTable, Setting<Value>>
  ) -> Value? {
    get {
      self[SettingsTable.shared[keyPath: setting].definition].flatMap(Value.init(settingValue:))
    }
    set { self[SettingsTable.shared[keyPath: setting].definition] = newValue?.settingValue }
  }

  /// The value of an entry, whatever its type is.
  package subscript(_ setting: SettingDefinition) -> SettingValue? {
    get { setting.value(in: self) }
    set { setting.put(newValue, into: &self) }
  }

  /// The CAs in order of preference: preset names or directory URLs.
  package var authorities: [String] {
    get { self[dynamicMember: \.authorities] ?? [] }
    set { self[dynamicMember: \.authorities] = newValue }
  }

  /// The type of the certificate's key.
  package var keyType: KeyType {
    get { self[dynamicMember: \.keyType] ?? .ec256 }
    set { self[dynamicMember: \.keyType] = newValue }
  }

  /// Whether renewals keep the key.
  package var reuseKey: Bool {
    get { self[dynamicMember: \.reuseKey] ?? false }
    set { self[dynamicMember: \.reuseKey] = newValue }
  }

  /// The challenge type, as the table knows it.
  package var challengeType: ChallengeType? {
    get { challenge.type }
    set { challenge.type = newValue ?? .http01 }
  }

  /// The DNS settings; all nil if the lineage has none.
  package var dns: DNSSettings {
    get { challenge.dns ?? DNSSettings() }
    set { challenge.dns = newValue == DNSSettings() ? nil : newValue }
  }

  /// Whether a certificate issued under `other` still is what these settings want.
  package func wantSameCertificate(as other: LineageSettings) -> Bool {
    change(since: other) == nil
  }

  /// Why a certificate issued under `other` is not what these settings want; nil when it is.
  package func change(since other: LineageSettings) -> String? {
    let added = names.filter { !other.names.contains($0) }.map(\.value)
    if !added.isEmpty { return "new names: \(added.joined(separator: ", "))" }
    let gone = other.names.filter { !names.contains($0) }.map(\.value)
    if !gone.isEmpty { return "names taken away: \(gone.joined(separator: ", "))" }
    let changed = SettingsTable.all.filter { $0.affectsCertificate && self[$0] != other[$0] }
    // Another request often has another type of key, too: then it is the reason.
    let first = changed.first { $0.key == "csr" } ?? changed.first
    return first.flatMap { $0.change?(self[$0]) }
  }
}

/// Owner, group and mode of a lineage's generation folders and keys.
package struct FileSettings: Codable, Sendable, Equatable {
  /// The owner's user name or number; the user who runs certctl by default.
  package var owner: String?
  /// The group's name or number; the group of the user who runs certctl by default.
  package var group: String?
  /// The key's mode as octal digits, `0600` by default.
  package var keyMode: String?

  /// File settings; what is nil takes the default.
  package init(owner: String? = nil, group: String? = nil, keyMode: String? = nil) {
    self.owner = owner
    self.group = group
    self.keyMode = keyMode
  }

  /// The attributes of the key file.
  ///
  /// - Throws: `CertctlError` with code `usage` for an unknown user, group or mode.
  package func keyAttributes() throws -> FileAttributes {
    let mode = try parsedKeyMode()
    return FileAttributes(mode: mode, owner: try ownerID(), group: try groupID())
  }

  /// The attributes of certificate files, which are public.
  package func certificateAttributes() throws -> FileAttributes {
    FileAttributes(mode: 0o644, owner: try ownerID(), group: try groupID())
  }

  /// The attributes of a generation folder: who may read the key may enter it.
  package func folderAttributes() throws -> FileAttributes {
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
        .usage, "the key mode '\(keyMode)' is not usable",
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
        .usage, "there is no user '\(owner)' on this machine",
        hint: "see: getent passwd")
    }
    return id
  }

  private func groupID() throws -> UInt32? {
    guard let group else { return nil }
    guard let id = UInt32(group) ?? SystemAccount.groupID(named: group) else {
      throw CertctlError(
        .usage, "there is no group '\(group)' on this machine",
        hint: "see: getent group")
    }
    return id
  }
}
