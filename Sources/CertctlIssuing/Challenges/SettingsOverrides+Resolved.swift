package import ACME
package import CertctlCore
import CertctlCrypto

extension SettingsOverrides {
  /// Returns the settings: the overrides, else the lineage's own settings, else the defaults.
  package func resolved(
    names: [Identifier], lineage: LineageSettings?, defaults: SettingsOverrides
  ) -> LineageSettings {
    var settings = LineageSettings(names: names, authorities: [])
    for setting in SettingsTable.all where setting.isMergedAlone {
      // Keep an empty list, too: else the list from the configuration file would return.
      settings[setting] =
        self[setting] ?? lineage?[setting] ?? defaults[setting] ?? setting.fallback
    }
    settings.challenge = resolvedChallenge(lineage: lineage?.challenge, defaults: defaults)
    let keyTypes = resolvedKeyTypes(lineage: lineage, defaults: defaults)
    settings.keyType = keyTypes.main
    settings.rsaKeyType = keyTypes.rsa
    settings.csr = csr?.pem ?? lineage?.csr
    if settings.csr != nil { settings.reuseKey = false }
    return settings
  }

  /// Returns the key types; a user's CSR determines its own.
  ///
  /// Of two certificates, one is ECDSA and the other RSA. A given type applies to the one of its
  /// kind.
  private func resolvedKeyTypes(
    lineage: LineageSettings?, defaults: SettingsOverrides
  ) -> (main: KeyType, rsa: KeyType?) {
    if let csr { return (csr.keyType, nil) }
    let wanted = self.keyType ?? lineage?.keyType ?? defaults.keyType ?? .ec256
    let isDual = self.dual ?? lineage.map { $0.rsaKeyType != nil } ?? defaults.dual ?? false
    guard isDual, lineage?.csr == nil else { return (wanted, nil) }
    let known = [lineage?.keyType, lineage?.rsaKeyType, defaults.keyType].compactMap { $0 }
    return wanted.isRSA
      ? (known.first { !$0.isRSA } ?? .ec256, wanted)
      : (wanted, known.first(where: \.isRSA) ?? .rsa2048)
  }

  private func resolvedChallenge(
    lineage: ChallengeSettings?, defaults: SettingsOverrides
  ) -> ChallengeSettings {
    // A newly named provider is used, even if the lineage used a listener before.
    let wanted =
      dns.provider == nil || lineage?.type.isOfDNS == true
      ? nil : Catalog.usualChallenge(hasProvider: true)
    let type =
      self.challenge ?? wanted ?? lineage?.type ?? defaults.challenge ?? Catalog.usualChallenge()
    var settings = resolvedServers(type, lineage: lineage, defaults: defaults)
    settings.dns = dns.over(lineage?.dns, defaults.dns)
    return settings
  }

  private func resolvedServers(
    _ type: ChallengeType, lineage: ChallengeSettings?, defaults: SettingsOverrides
  ) -> ChallengeSettings {
    let common = ChallengeSettings(
      type: type, httpPort: defaults.httpPort, httpAddress: defaults.httpAddress,
      webroot: defaults.webroot, tlsPort: defaults.tlsPort)
    // The lineage's settings of another challenge type do not apply to this one.
    let base = lineage.flatMap { $0.type == type ? $0 : nil } ?? common
    let taken = Catalog.settingsInUse(by: type)
    // A given port or address selects a listener instead of a saved webroot.
    let wantsListener = self.httpPort != nil || self.httpAddress != nil
    if taken.contains(.webroot), let webroot = self.webroot ?? (wantsListener ? nil : base.webroot)
    {
      return ChallengeSettings(type: type, webroot: webroot)
    }
    return ChallengeSettings(
      type: type, httpPort: taken.contains(.httpPort) ? self.httpPort ?? base.httpPort : nil,
      httpAddress: taken.contains(.httpAddress) ? self.httpAddress ?? base.httpAddress : nil,
      tlsPort: taken.contains(.tlsPort) ? self.tlsPort ?? base.tlsPort : nil)
  }
}
