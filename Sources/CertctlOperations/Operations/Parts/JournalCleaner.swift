import CertctlBase
import CertctlCore
import CertctlIssuing
import CertctlStore
import CertctlSystem
import Logging

/// The cleanup of challenges that earlier runs left.
struct JournalCleaner: ContextPart {
  let context: Context

  /// Cleans up the challenges that earlier runs left.
  func cleanJournal(_ name: LineageName, _ settings: ChallengeSettings) async throws {
    let journal = ChallengeJournal(state: state)
    let groups = try await journal.groups(of: name)
    guard !groups.isEmpty else { return }
    var left: [ChallengeJournal.Group] = []
    for group in groups {
      console.logger.info(
        "cleaning up \(group.challenges.count) challenges from an earlier run")
      let cleaned = try await attempt { try await cleanUp(group, settings) }
      if case .failure(let error) = cleaned {
        left.append(group)
        console.warn(
          "cannot clean up challenges from an earlier run: "
            + error.message
            + (group.dns?.provider.map { " (created with --dns \($0))" }
              ?? "") + "; if nothing is left to clean up, delete \(journal.path(of: name))")
      }
    }
    try await journal.keep(left, of: name)
  }

  /// Cleans up a group with the solvers that presented it.
  private func cleanUp(_ group: ChallengeJournal.Group, _ settings: ChallengeSettings) async throws
  {
    var settings = settings
    if let dns = group.dns { settings.dns = dns }
    for (type, challenges) in Dictionary(
      grouping: group.challenges, by: { $0.type ?? settings.type })
    {
      try await Catalog.solver(for: settings.with(type), in: context.solverContext).cleanUp(
        challenges)
    }
  }
}
