package import ACME
package import CertctlCore
import CertctlDNS
import CertctlSystem

extension ChallengeSettings {
  /// The type that proves a name: the lineage's own wherever it can.
  ///
  /// A wildcard needs the DNS (RFC 8555, section 7.1.3), and an address cannot be proved by it
  /// (RFC 8738, section 7).
  func type(for name: Identifier) -> ChallengeType {
    guard let own = Catalog.knownMethod(type), !own.proves(name) else { return type }
    let able = Catalog.challengeMethods.filter { $0.proves(name) }
    let wanted = able.first { method in
      if case .whenSet(let setting) = method.fallback { setting.isSet(in: self) } else { false }
    }
    return (wanted ?? able.first { $0.fallback == .always })?.type ?? type
  }

  /// The types that these names need.
  package func types(for names: [Identifier]) -> Set<ChallengeType> {
    names.isEmpty ? [type] : Set(names.map(type(for:)))
  }

  /// Checks that each name can be proved (RFC 8555, section 8; RFC 8738, section 7).
  ///
  /// - Parameters:
  ///   - names: The names.
  ///   - isGiven: Whether the type was given for all of them, so that none is proved otherwise.
  /// - Throws: `CertctlError` with code `usage`, naming the first name that cannot.
  package func check(_ names: [Identifier], isGiven: Bool) throws {
    for name in names {
      let method = try Catalog.challengeMethod(isGiven ? type : type(for: name))
      guard method.proves(name) else { throw unprovable(name, by: method, isGiven: isGiven) }
    }
    for method in Catalog.challengeMethods where types(for: names).contains(method.type) {
      for setting in ChallengeSetting.allCases
      where method.required.contains(setting) && !setting.isSet(in: self) {
        throw CertctlError(
          .usage, "\(method.type) needs to know \(setting.purpose)", hint: "add \(setting.usage)")
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
    let what = name.type == .ip ? "IP address" : name.isWildcard ? "wildcard" : "domain"
    return CertctlError(
      .usage, "the \(what) \(name.value) cannot be proved by \(method.type)",
      hint: "\(kind.plural) are proved by \(ChallengeMethod.words(able, "or"))"
        + (steps.isEmpty ? "" : ": " + steps.joined(separator: " and ")))
  }
}

extension SettingsOverrides {
  /// Refuses an option that was given and that none of these challenge types has a use for.
  ///
  /// - Parameters:
  ///   - types: The types that prove the names.
  ///   - names: The names.
  /// - Throws: `CertctlError` with code `usage`.
  package func checkUse(by types: Set<ChallengeType>, proving names: [Identifier]) throws {
    let used = Catalog.challengeMethods.filter { types.contains($0.type) }
    for setting in ChallengeSetting.allCases where setting.isGiven(in: self) {
      guard !used.contains(where: { $0.settings.contains(setting) }) else { continue }
      let takers = Catalog.challengeMethods.filter { $0.settings.contains(setting) }
      let able = takers.filter { method in names.allSatisfy { method.proves($0) } }
      let hint =
        if !able.isEmpty {
          "leave it out, or use --challenge \(ChallengeMethod.words(able, "or"))"
        } else if let name = names.first(where: { name in !takers.contains { $0.proves(name) } }) {
          "leave it out: \(ChallengeMethod.NameKind(name).plural) are not proved by "
            + ChallengeMethod.words(takers, "or")
        } else {
          "leave it out: no challenge type that takes it proves all of these names"
        }
      throw CertctlError(
        .usage, "\(setting.option) has no meaning for \(ChallengeMethod.words(used, "and"))",
        hint: hint)
    }
  }
}

extension Catalog {
  /// The settings of a challenge type, and of those that prove the names that it cannot.
  static func settingsInUse(by type: ChallengeType) -> Set<ChallengeSetting> {
    guard let method = knownMethod(type) else { return [] }
    let lacking = Set(ChallengeMethod.NameKind.allCases).subtracting(method.nameKinds)
    let others = challengeMethods.filter {
      $0.fallback != .never && !$0.nameKinds.isDisjoint(with: lacking)
    }
    return others.reduce(method.settings) { $0.union($1.settings) }
  }
}
