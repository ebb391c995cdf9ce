package import ACME
import CertctlCore
import CertctlDNSClient

/// The CAA record set of a name, which limits the CAs that may issue for it (RFC 8659, RFC 8657).
struct CAAPolicy: Sendable, Equatable {
  /// A property of the record set.
  struct Property: Sendable, Equatable {
    var isCritical = false
    let tag: String
    let value: String
  }

  /// An intended issuance.
  struct Issuance: Sendable {
    /// The domains that identify the CA in CAA records.
    let issuers: [String]
    /// The URL of the account.
    let account: String
    /// The challenge type.
    let method: ChallengeType
    /// Whether it is for a wildcard.
    let isWildcard: Bool
  }

  /// The owner name of the record set.
  let owner: String
  /// The properties of the record set.
  let properties: [Property]

  /// Returns why the CA must refuse the issuance, as a verb phrase; nil if it may issue.
  func refusal(of issuance: Issuance) -> String? {
    let known = [
      "issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone",
    ]
    if let unknown = properties.first(where: { $0.isCritical && !known.contains($0.tag) }) {
      return "has an unknown critical property '\(unknown.tag)'"
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
        ? "allows no CA" : "allows only \(others.joined(separator: ", "))"
    }
    let forAccount = ours.filter {
      $0.parameters["accounturi"].map { $0 == issuance.account } ?? true
    }
    guard !forAccount.isEmpty else {
      return "allows only another account, not \(issuance.account)"
    }
    let fits = forAccount.contains { value in
      guard let methods = value.parameters["validationmethods"] else { return true }
      return methods.split(separator: ",").contains { $0 == issuance.method.rawValue[...] }
    }
    return fits ? nil : "does not allow \(issuance.method.rawValue)"
  }
}

/// A CAA check before the order, so that a refusal is explained and no order is wasted.
package struct CAALookup: Sendable {
  package let view: ZoneLocator
  /// The domains that identify the CA in CAA records.
  package let issuers: [String]

  package init(view: ZoneLocator, issuers: [String]) {
    self.view = view
    self.issuers = issuers
  }

  /// Returns the record set that applies to a name (RFC 8659, section 3); nil if there is none.
  ///
  /// It is that of the name itself or of its closest parent domain that has one.
  ///
  /// - Throws: `CertctlError` if a query fails.
  func policy(of name: String) async throws -> CAAPolicy? {
    let zone = try await view.place(of: name).zone.name
    var owner = name
    while !owner.isEmpty {
      // The zone's own servers are queried for names in the zone: a resolver would cache negative
      // answers for them and for the names below.
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

  /// Checks that CAA records allow the CA to issue for all names.
  ///
  /// A failed lookup is ignored: the CA, which sees the DNS from elsewhere, decides.
  ///
  /// - Parameters:
  ///   - names: The names of the order.
  ///   - account: The URL of the account.
  ///   - method: Returns the challenge type of a name.
  /// - Throws: `CertctlError` with code `challengeFailed` that lists all refused names.
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
      refused.append(
        (name, "the CA cannot issue for \(name.value): the CAA record of \(policy.owner) \(why)"))
    }
    guard let first = refused.first else { return }
    throw CertctlError(
      .challengeFailed,
      refused.map(\.why).joined(separator: "; "),
      hint: "add the record: \(first.name.baseDomain). CAA 0 "
        + "\(first.name.isWildcard ? "issuewild" : "issue") \"\(issuers[0])\", or choose another "
        + "CA with --ca", identifiers: refused.map(\.name))
  }
}
