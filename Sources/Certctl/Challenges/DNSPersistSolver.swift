public import ACME
import HostIO

/// dns-persist-01 (draft-ietf-acme-dns-persist): a record that stands there for good.
///
/// Nothing is made and nothing is removed; before the CA is told to look, certctl looks itself.
public final class DNSPersistSolver: ChallengeSolver {
  /// dns-persist-01.
  public static let types = [ChallengeType.dnsPersist01]
  /// There is nothing to take back.
  public static let outlivesProcess = false

  private let settings: DNSSettings
  private let context: SolverContext

  /// dns-persist-01 in any setting.
  public static func serves(_ settings: ChallengeSettings) -> Bool {
    types.contains(settings.type)
  }

  /// A solver; it needs no provider.
  public init(settings: ChallengeSettings, context: SolverContext) {
    self.settings = settings.dns ?? DNSSettings()
    self.context = context
  }

  /// Checks the settings.
  public func prepare() async throws { try settings.validate() }

  /// Makes nothing.
  public func present(_ challenges: [PresentedChallenge]) async throws {}

  /// Checks that the records are there.
  ///
  /// - Throws: `CertctlError` with code `challengeFailed`, with the record that is to be made.
  public func waitUntilVisible(_ challenges: [PresentedChallenge]) async throws {
    guard settings.check ?? .servers != .none else { return }
    let view = try await Blocking.run { [context, settings] in try context.view(settings) }
    for challenge in challenges {
      let name = PersistentRecord.name(of: challenge.identifier.baseDomain)
      let records = try await view.records(name, .txt).compactMap { record in
        if case .text(let bytes) = record.content {
          String(decoding: bytes, as: UTF8.self)
        } else {
          nil
        }
      }
      let now = context.services.clock.now()
      let isAllowed = records.contains {
        PersistentRecord(text: $0)?.allows(challenge, now: now) == true
      }
      guard !isAllowed else { continue }
      throw Self.missing(challenge, name, found: records)
    }
  }

  /// Removes nothing.
  public func retract(_ challenges: [PresentedChallenge]) async throws {}

  private static func missing(
    _ challenge: PresentedChallenge, _ name: String, found: [String]
  ) -> CertctlError {
    let record = PersistentRecord(
      issuer: challenge.issuers?.first ?? "", account: challenge.account ?? "",
      coversWildcard: challenge.isWildcard == true)
    return CertctlError(
      .challengeFailed,
      found.isEmpty
        ? "there is no TXT record \(name)"
        : "no TXT record \(name) lets this account have the certificate; there is: "
          + escapedForTerminal(found.joined(separator: ", ")),
      hint: "make it by hand, once: \(name). TXT \"\(escapedForTerminal(record.text))\"",
      identifiers: [challenge.identifier])
  }
}
