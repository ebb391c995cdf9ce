package import ACME
package import CertctlCrypto
package import CertctlSystem

/// The saved settings of a lineage: everything that an unattended renewal needs.
///
/// Independent settings are read by their names in the settings table. Settings that depend on each
/// other are grouped in a type.
@dynamicMemberLookup
package struct LineageSettings: Codable, Sendable, Equatable {
  /// The names of the certificate, in the user's order; the lineage is named after the first.
  package var names: [Identifier]
  /// The validation settings.
  package var challenge: ChallengeSettings
  /// The key type of the additional RSA certificate; nil for a single certificate.
  package var rsaKeyType: KeyType?
  /// The user's CSR in PEM; certctl then has no key.
  package var csr: String?
  /// The owner, group and mode of the files.
  package var files: FileSettings
  /// The settings that are not in a group, by their keys in the table.
  var own: [String: SettingValue] = [:]

  /// Creates settings, with certctl's defaults for omitted ones.
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

  /// The value of a setting in the table.
  package subscript<Value>(
    dynamicMember setting: KeyPath<SettingsTable, Setting<Value>>
  ) -> Value? {
    get {
      self[SettingsTable.shared[keyPath: setting].definition].flatMap(Value.init(settingValue:))
    }
    set { self[SettingsTable.shared[keyPath: setting].definition] = newValue?.settingValue }
  }

  /// The value of an entry of any type.
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

  /// The challenge type, for the settings table.
  package var challengeType: ChallengeType? {
    get { challenge.type }
    set { challenge.type = newValue ?? .http01 }
  }

  /// The DNS settings; with nil values if the lineage has none.
  package var dns: DNSSettings {
    get { challenge.dns ?? DNSSettings() }
    set { challenge.dns = newValue == DNSSettings() ? nil : newValue }
  }

  /// Returns whether a certificate issued with other settings still matches these.
  package func wantSameCertificate(as other: LineageSettings) -> Bool {
    change(since: other) == nil
  }

  /// Returns why a certificate issued with other settings does not match these; nil if it does.
  package func change(since other: LineageSettings) -> String? {
    let added = names.filter { !other.names.contains($0) }.map(\.value)
    if !added.isEmpty { return "new names: \(added.joined(separator: ", "))" }
    let gone = other.names.filter { !names.contains($0) }.map(\.value)
    if !gone.isEmpty { return "removed names: \(gone.joined(separator: ", "))" }
    let changed = SettingsTable.all.filter { $0.affectsCertificate && self[$0] != other[$0] }
    // Another CSR often has another key type too. Then the CSR is the reason.
    let first = changed.first { $0.key == "csr" } ?? changed.first
    return first.flatMap { $0.change?(self[$0]) }
  }
}

/// The owner, group and mode of a lineage's generation folders and keys.
package struct FileSettings: Codable, Sendable, Equatable {
  /// The owner's user name or ID; the user who runs certctl by default.
  package var owner: String?
  /// The group's name or ID; the group of the user who runs certctl by default.
  package var group: String?
  /// The key's mode in octal digits, `0600` by default.
  package var keyMode: String?

  /// Creates file settings; nil stands for the default.
  package init(owner: String? = nil, group: String? = nil, keyMode: String? = nil) {
    self.owner = owner
    self.group = group
    self.keyMode = keyMode
  }

  /// Returns the attributes of the key file.
  ///
  /// - Throws: `CertctlError` with code `usage` for an unknown user, group or mode.
  package func keyAttributes() throws -> FileAttributes {
    let mode = try parsedKeyMode()
    return FileAttributes(mode: mode, owner: try ownerID(), group: try groupID())
  }

  /// Returns the attributes of certificate files, which are public.
  package func certificateAttributes() throws -> FileAttributes {
    FileAttributes(mode: 0o644, owner: try ownerID(), group: try groupID())
  }

  /// Returns the attributes of a generation folder; users who can read the key can enter it.
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
        .usage, "invalid key mode '\(keyMode)'",
        hint: "use one of the octal modes 0600, 0640, 0400 and 0440")
    }
    return mode
  }

  private func ownerID() throws -> UInt32? {
    guard let owner else { return nil }
    // Users of a container have no name on this host, so IDs are accepted too.
    guard let id = UInt32(owner) ?? SystemAccount.userID(named: owner) else {
      throw CertctlError(
        .usage, "no user '\(owner)' on this host",
        hint: "list the users with: getent passwd")
    }
    return id
  }

  private func groupID() throws -> UInt32? {
    guard let group else { return nil }
    guard let id = UInt32(group) ?? SystemAccount.groupID(named: group) else {
      throw CertctlError(
        .usage, "no group '\(group)' on this host",
        hint: "list the groups with: getent group")
    }
    return id
  }
}
