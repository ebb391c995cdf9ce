public import ACME
import PKI

/// dns-01 (RFC 8555, section 8.4): a TXT record at `_acme-challenge` of the name.
///
/// And dns-account-01 (draft-ietf-acme-dns-account-label): the same under a label of the account's own,
/// so that several accounts, or several providers, can prove one name.
public final class DNSSolver: ChallengeSolver {
  /// dns-01 and dns-account-01.
  public static let types = [ChallengeType.dns01, .dnsAccount01]
  /// Records stay when the process dies.
  public static let outlivesProcess = true

  private let hasLabel: Bool
  private let records: DNSRecords

  /// Both types in any setting.
  public static func serves(_ settings: ChallengeSettings) -> Bool {
    types.contains(settings.type)
  }

  /// A solver by the provider of these settings.
  public init(settings: ChallengeSettings, context: SolverContext) {
    hasLabel = settings.type == .dnsAccount01
    records = DNSRecords(settings: settings.dns ?? DNSSettings(), context: context)
  }

  /// Finds the provider's credentials.
  public func prepare() async throws { try await records.prepare() }

  /// Makes one record for each challenge.
  public func present(_ challenges: [PresentedChallenge]) async throws {
    try await records.publish(items(challenges))
  }

  /// Waits for the zones' servers.
  public func waitUntilVisible(_ challenges: [PresentedChallenge]) async throws {
    try await records.waitUntilVisible(items(challenges))
  }

  /// Removes the records.
  public func retract(_ challenges: [PresentedChallenge]) async throws {
    try await records.remove(items(challenges))
  }

  /// The records' names, derived again from what was checked.
  private func items(_ challenges: [PresentedChallenge]) -> [DNSRecords.Item] {
    challenges.filter(\.hasValidToken).compactMap { challenge in
      var name = "_acme-challenge.\(challenge.identifier.baseDomain)"
      if hasLabel {
        guard let account = challenge.account else { return nil }
        name = "\(KeyAuthorization.dnsAccountLabel(accountURL: account)).\(name)"
      }
      return .init(challenge: challenge, name: name)
    }
  }
}

extension PresentedChallenge {
  /// The text of the TXT record (RFC 8555, section 8.4).
  var dnsText: String { Base64URL.encode(Digest.sha256(Array(keyAuthorization.utf8))) }
}
