import ACME
import CertctlBase
package import CertctlCore
package import CertctlDNS
package import CertctlStore
import CertctlSystem

/// The solver of dns-persist-01 (draft-ietf-acme-dns-persist): a persistent record.
///
/// It creates and removes nothing. It checks the record before the CA does.
package final class DNSPersistSolver: ChallengeSolver {
  /// There is nothing to clean up.
  package static let persistsAfterExit = false

  private let settings: DNSSettings
  private let context: SolverContext

  /// Creates a solver, which needs no provider.
  package init(settings: ChallengeSettings, context: SolverContext) {
    self.settings = settings.dns ?? DNSSettings()
    self.context = context
  }

  /// Checks the settings.
  package func prepare() async throws { try settings.validate() }

  /// Creates nothing.
  package func present(_ challenges: [PresentedChallenge]) async throws {}

  /// Checks that the records exist on each name server of the zones that responds.
  ///
  /// - Throws: `CertctlError` with code `challengeFailed`, with the record to create.
  package func waitUntilVisible(_ challenges: [PresentedChallenge]) async throws {
    guard settings.check ?? .servers != .none else { return }
    let view = try await context.view(settings)
    let search = PersistentSearch(view: view, now: context.environment.clock.now())
    let wildcards = Set(challenges.filter { $0.isWildcard == true }.map(\.identifier.baseDomain))
    for challenge in challenges {
      let coverage = try await search.find(challenge)
      guard !coverage.lacking.isEmpty || coverage.count == 0 else { continue }
      throw Self.missing(
        challenge, coverage, withWildcard: wildcards.contains(challenge.identifier.baseDomain))
    }
  }

  /// Removes nothing.
  package func cleanUp(_ challenges: [PresentedChallenge]) async throws {}

  /// Returns an error with a record that covers all names of the order below the domain.
  private static func missing(
    _ challenge: PresentedChallenge, _ coverage: PersistentSearch.Coverage, withWildcard: Bool
  ) -> CertctlError {
    let record = PersistentRecord(
      issuer: challenge.issuers?.first ?? "", account: challenge.account ?? "",
      coversWildcard: withWildcard)
    let name = coverage.place.name
    return CertctlError(
      .challengeFailed,
      "no TXT record at \(name) authorizes this account: \(coverage.words)",
      hint: "create this record once: \(name). TXT \"\(record.text)\"",
      identifiers: [challenge.identifier])
  }
}

extension ChallengeMethod {
  /// dns-persist-01 (draft-ietf-acme-dns-persist): the CA names the issuers for the record.
  static let dnsPersist01 = ChallengeMethod(
    type: .dnsPersist01, nameKinds: [.domain, .wildcard], isOfDNS: true,
    proof: { challenge, authorization, account in
      PresentedChallenge(
        identifier: authorization.identifier, keyAuthorization: nil, type: challenge.type,
        isWildcard: authorization.isWildcard, account: challenge.accountURI ?? account.url,
        issuers: challenge.issuerDomainNames)
    }, solver: { _ in DNSPersistSolver.self })
}
