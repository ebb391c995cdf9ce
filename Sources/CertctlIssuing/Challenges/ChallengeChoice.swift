package import ACME
package import CertctlCore
import CertctlDNS
import CertctlSystem

extension ChallengeSettings {
  /// Returns the challenge type for a name: the lineage's own type if it can validate the name.
  ///
  /// Wildcards require a DNS challenge (RFC 8555, section 7.1.3). IP addresses cannot use one
  /// (RFC 8738, section 7).
  func type(for name: Identifier) -> ChallengeType {
    guard let own = Catalog.knownMethod(type), !own.proves(name) else { return type }
    let able = Catalog.challengeMethods.filter { $0.proves(name) }
    let wanted = able.first { method in
      if case .whenSet(let setting) = method.fallback { setting.isSet(in: self) } else { false }
    }
    return (wanted ?? able.first { $0.fallback == .always })?.type ?? type
  }

  /// Returns the challenge types that these names require.
  package func types(for names: [Identifier]) -> Set<ChallengeType> {
    names.isEmpty ? [type] : Set(names.map(type(for:)))
  }

  /// Checks that each name can be validated (RFC 8555, section 8; RFC 8738, section 7).
  ///
  /// - Parameters:
  ///   - names: The names.
  ///   - isGiven: Whether the user set the type for all names, so that no other type may be used.
  /// - Throws: `CertctlError` with code `usage` for the first such name, or a missing setting.
  package func check(_ names: [Identifier], isGiven: Bool) throws {
    for name in names {
      let method = try Catalog.challengeMethod(isGiven ? type : type(for: name))
      guard method.proves(name) else { throw unprovable(name, by: method, isGiven: isGiven) }
    }
    for method in Catalog.challengeMethods where types(for: names).contains(method.type) {
      for setting in ChallengeSetting.allCases
      where method.required.contains(setting) && !setting.isSet(in: self) {
        throw CertctlError(
          .usage, "\(method.type) requires \(setting.purpose)", hint: "add \(setting.usage)")
      }
    }
    try dns?.validate()
    if let httpAddress { try Self.checkAddress(httpAddress) }
  }

  private func unprovable(
    _ name: Identifier, by method: ChallengeMethod, isGiven: Bool
  ) -> CertctlError {
    let kind = ChallengeMethod.NameKind(name)
    let able = Catalog.challengeMethods.filter { $0.proves(name) }
    var steps = isGiven ? ["leave out --challenge"] : []
    if !able.contains(where: { $0.fallback == .always }) {
      for case .whenSet(let setting) in able.map(\.fallback) where !setting.isSet(in: self) {
        steps.append("add \(setting.usage)")
      }
    }
    return CertctlError(
      .usage,
      "cannot validate \(name.value) with \(method.type): "
        + "\(kind.plural) require \(ChallengeMethod.words(able, "or"))",
      hint: steps.isEmpty ? nil : steps.joined(separator: " and "))
  }
}

extension SettingsOverrides {
  /// Refuses a given option that none of these challenge types uses.
  ///
  /// - Parameters:
  ///   - types: The challenge types for the names.
  ///   - names: The names.
  /// - Throws: `CertctlError` with code `usage`.
  package func checkUse(by types: Set<ChallengeType>, proving names: [Identifier]) throws {
    let used = Catalog.challengeMethods.filter { types.contains($0.type) }
    for setting in ChallengeSetting.allCases where setting.isGiven(in: self) {
      guard !used.contains(where: { $0.settings.contains(setting) }) else { continue }
      let takers = Catalog.challengeMethods.filter { $0.settings.contains(setting) }
      let able = takers.filter { method in names.allSatisfy { method.proves($0) } }
      // An option that led to the types in use, and that the other types do not accept.
      let rival = ChallengeSetting.allCases.first { other in
        other.isGiven(in: self) && used.contains { $0.settings.contains(other) }
          && !takers.contains { $0.settings.contains(other) }
      }
      let hint =
        if let rival, !able.isEmpty {
          "leave out \(setting.option) or \(rival.option)"
        } else if !able.isEmpty {
          "leave it out, or use --challenge \(ChallengeMethod.words(able, "or"))"
        } else if let name = names.first(where: { name in !takers.contains { $0.proves(name) } }) {
          "leave it out: \(ChallengeMethod.words(takers, "and")) cannot validate "
            + ChallengeMethod.NameKind(name).plural
        } else {
          "leave it out: it does not apply to all of these names"
        }
      throw CertctlError(
        .usage, "cannot use \(setting.option) with \(ChallengeMethod.words(used, "and"))",
        hint: hint)
    }
  }
}

extension Catalog {
  /// Returns the settings of a challenge type and of its fallbacks for names it cannot validate.
  static func settingsInUse(by type: ChallengeType) -> Set<ChallengeSetting> {
    guard let method = knownMethod(type) else { return [] }
    let lacking = Set(ChallengeMethod.NameKind.allCases).subtracting(method.nameKinds)
    let others = challengeMethods.filter {
      $0.fallback != .never && !$0.nameKinds.isDisjoint(with: lacking)
    }
    return others.reduce(method.settings) { $0.union($1.settings) }
  }
}
