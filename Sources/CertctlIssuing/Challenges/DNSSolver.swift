import ACME
package import CertctlCore
package import CertctlDNS
package import CertctlStore
import CertctlSystem

/// The solver of dns-01 (RFC 8555, section 8.4): a TXT record at `_acme-challenge` of the name.
///
/// It also solves dns-account-01 (draft-ietf-acme-dns-account-label): the same record below a label
/// of the account, so that several accounts or providers can validate one name.
package final class DNSSolver: ChallengeSolver {
  /// Records outlive the process.
  package static let persistsAfterExit = true

  private let hasLabel: Bool
  private let records: ChallengeRecordPublisher

  /// Creates a solver with the provider of these settings.
  package init(settings: ChallengeSettings, context: SolverContext) {
    hasLabel = settings.type == .dnsAccount01
    records = ChallengeRecordPublisher(settings: settings.dns ?? DNSSettings(), context: context)
  }

  /// Finds the provider's credentials.
  package func prepare() async throws { try await records.prepare() }

  /// Creates one record for each challenge.
  package func present(_ challenges: [PresentedChallenge]) async throws {
    try await records.publish(items(challenges))
  }

  /// Waits until the zones' servers have the records.
  package func waitUntilVisible(_ challenges: [PresentedChallenge]) async throws {
    try await records.waitUntilVisible(items(challenges))
  }

  /// Removes the records.
  package func cleanUp(_ challenges: [PresentedChallenge]) async throws {
    try await records.remove(items(challenges))
  }

  /// Returns the records with their names, which are derived from checked values.
  private func items(_ challenges: [PresentedChallenge]) -> [ChallengeRecordPublisher.Item] {
    challenges.compactMap { challenge in
      guard let proof = challenge.keyAuthorization else { return nil }
      var name = "_acme-challenge.\(challenge.identifier.baseDomain)"
      if hasLabel {
        guard let account = challenge.account else { return nil }
        name = "\(KeyAuthorization.dnsAccountLabel(accountURL: account)).\(name)"
      }
      return .init(challenge: challenge, proof: proof, name: name)
    }
  }
}

extension ChallengeMethod {
  /// dns-01 (RFC 8555, section 8.4).
  static let dns01 = byRecords(.dns01, fallback: .whenSet(.provider))

  /// dns-account-01 (draft-ietf-acme-dns-account-label).
  static let dnsAccount01 = byRecords(.dnsAccount01, fallback: .never)

  private static func byRecords(_ type: ChallengeType, fallback: Fallback) -> ChallengeMethod {
    let delegation =
      "check that the domain is delegated to the zone's name servers (dig +trace) and that its "
      + "DNSSEC is valid: these servers had the records"
    return ChallengeMethod(
      type: type, nameKinds: [.domain, .wildcard], isOfDNS: true, settings: [.provider],
      required: [.provider], fallback: fallback,
      advice: Advice(byProblem: [.dns: delegation, .unauthorized: delegation]),
      solver: { _ in DNSSolver.self })
  }
}
