package import ACME
import CertctlCore
import CertctlDNSClient

/// Which CAs may issue for a name, by its CAA records (RFC 8659, RFC 8657).
struct CAAPolicy: Sendable, Equatable {
  /// One property of a record set.
  struct Property: Sendable, Equatable {
    var isCritical = false
    let tag: String
    let value: String
  }

  /// Who wants to issue, and how.
  struct Issuance: Sendable {
    /// The CA's own names in CAA records.
    let issuers: [String]
    /// The account's URL.
    let account: String
    /// The challenge type that will be used.
    let method: ChallengeType
    /// Whether it is for a wildcard.
    let isWildcard: Bool
  }

  /// The name that the records stand at.
  let owner: String
  /// Its properties.
  let properties: [Property]

  /// Why a CA must refuse; nil when it may issue.
  func refusal(of issuance: Issuance) -> String? {
    let known = [
      "issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone",
    ]
    if let unknown = properties.first(where: { $0.isCritical && !known.contains($0.tag) }) {
      return "has the critical property '\(unknown.tag)', which no CA may pass over"
    }
    let wild = properties.filter { $0.tag == "issuewild" }
    let relevant =
      issuance.isWildcard && !wild.isEmpty ? wild : properties.filter { $0.tag == "issue" }
    guard !relevant.isEmpty else { return nil }
    let values = relevant.compactMap { IssueValue($0.value) }
    let ours = values.filter { value in
      issuance.issuers.contains { $0.lowercased() == value.domain } && !value.domain.isEmpty
    }
    guard !ours.isEmpty else {
      let others = Set(values.map(\.domain)).filter { !$0.isEmpty }.sorted()
      return others.isEmpty
        ? "lets no CA issue" : "lets only \(others.joined(separator: ", ")) issue"
    }
    let forAccount = ours.filter {
      $0.parameters["accounturi"].map { $0 == issuance.account } ?? true
    }
    guard !forAccount.isEmpty else {
      return "lets another account issue, not this one (\(issuance.account))"
    }
    let fits = forAccount.contains { value in
      guard let methods = value.parameters["validationmethods"] else { return true }
      return methods.split(separator: ",").contains { $0 == issuance.method.rawValue[...] }
    }
    return fits ? nil : "does not let this account prove the name by \(issuance.method.rawValue)"
  }
}

/// Looks up CAA records before the CA does, so that a refusal costs no order and has an explanation.
package struct CAALookup: Sendable {
  package let view: ZoneLocator
  /// The CA's own names in CAA records.
  package let issuers: [String]

  package init(view: ZoneLocator, issuers: [String]) {
    self.view = view
    self.issuers = issuers
  }

  /// The record set that holds for a name: its own, or that of the nearest domain above it that has one
  /// (RFC 8659, section 3); nil when there is none.
  ///
  /// - Throws: `CertctlError` when a server on the way does not answer.
  func policy(of name: String) async throws -> CAAPolicy? {
    let zone = try await view.place(of: name).zone.name
    var owner = name
    while !owner.isEmpty {
      // Names of the zone are asked for at its servers: a resolver would remember those that are not
      // there, and what is below them.
      let records =
        DNSName.isIn(owner, zone)
        ? try await view.records(owner, .caa)
        : try await view.resolve(owner, .caa).answers.filter { $0.type == .caa }
      let properties = records.compactMap { record -> CAAPolicy.Property? in
        guard case .authorization(let flags, let tag, let value) = record.content else {
          return nil
        }
        return .init(isCritical: flags & 0x80 != 0, tag: tag.lowercased(), value: value)
      }
      if !properties.isEmpty { return CAAPolicy(owner: owner, properties: properties) }
      guard let parent = DNSName.parent(of: owner) else { break }
      owner = parent
    }
    return nil
  }

  /// Refuses names that the CA would have to refuse.
  ///
  /// Where a record cannot be looked up the CA decides: it sees the DNS from elsewhere.
  ///
  /// - Parameters:
  ///   - names: The names of the order.
  ///   - account: The account's URL.
  ///   - method: The challenge type of a name.
  /// - Throws: `CertctlError` with code `challengeFailed` that names all such names.
  package func check(
    _ names: [Identifier], account: String,
    method: @Sendable (Identifier) -> ChallengeType
  ) async throws {
    guard !issuers.isEmpty else { return }
    var refused: [(name: Identifier, why: String)] = []
    for name in names where name.type == .dns {
      let policy: CAAPolicy?
      do {
        policy = try await self.policy(of: name.baseDomain)
      } catch is CertctlError {
        continue
      }
      let issuance = CAAPolicy.Issuance(
        issuers: issuers, account: account, method: method(name), isWildcard: name.isWildcard)
      guard let policy, let why = policy.refusal(of: issuance) else { continue }
      refused.append((name, "\(name.value): the CAA record of \(policy.owner) \(why)"))
    }
    guard let first = refused.first else { return }
    throw CertctlError(
      .challengeFailed,
      refused.map(\.why).joined(separator: "; "),
      hint: "add a record such as: \(first.name.baseDomain). CAA 0 "
        + "\(first.name.isWildcard ? "issuewild" : "issue") \"\(issuers[0])\"; or choose another "
        + "--ca", identifiers: refused.map(\.name))
  }
}
