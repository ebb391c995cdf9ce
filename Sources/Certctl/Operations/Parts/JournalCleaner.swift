import HostIO
import Logging

/// Retracts what earlier runs presented.
struct JournalCleaner: ContextPart {
  let context: Context

  /// Retracts what earlier runs presented and could not retract.
  func cleanJournal(_ name: LineageName, _ settings: ChallengeSettings) async throws {
    let journal = ChallengeJournal(state: state)
    let groups = try await Blocking.run { try journal.groups(of: name) }
    guard !groups.isEmpty else { return }
    var left: [ChallengeJournal.Group] = []
    for group in groups {
      services.logger.info(
        "retracting \(group.challenges.count) challenges that an earlier run left")
      do {
        try await retract(group, settings)
      } catch {
        left.append(group)
        services.warn(
          "challenges of an earlier run could not be retracted: "
            + CertctlError(wrapping: error).message
            + (group.dns?.provider.map { " (they were made by --dns \(escapedForTerminal($0)))" }
              ?? "") + "; where nothing is left to remove, delete \(journal.path(of: name))")
      }
    }
    try await Blocking.run { [left] in try journal.keep(left, of: name) }
  }

  /// Retracts by whoever presented it.
  private func retract(_ group: ChallengeJournal.Group, _ settings: ChallengeSettings) async throws
  {
    var settings = settings
    if let dns = group.dns { settings.dns = dns }
    for (type, challenges) in Dictionary(
      grouping: group.challenges, by: { $0.type ?? settings.type })
    {
      try await Catalog.solver(for: settings.with(type), in: context.solverContext).retract(
        challenges)
    }
  }
}
