import CertctlBase
import CertctlCore
import CertctlCrypto
package import CertctlStore
import CertctlSystem

/// An operation that deletes a lineage with its certificates and keys.
///
/// - Throws: `CertctlError`, with code `refused` if the certificate is in use and `inUse` does not
///   allow it.
package struct DeleteOperation: Operation {
  package var name: LineageName
  package var inUse: InUsePolicy

  package init(_ name: LineageName, inUse: InUsePolicy = .refuse) {
    self.name = name
    self.inUse = inUse
  }

  package func run(in context: Context) async throws -> Void {
    try await Run(context: context).delete(name, inUse: inUse)
  }

  private struct Run: ContextPart {
    let context: Context

    func delete(_ name: LineageName, inUse policy: InUsePolicy = .refuse) async throws {
      try await change(name) {
        try await useGuard.requireUnused(name, policy)
        // Cleaning up an earlier run's challenges needs the lineage's settings.
        if let lineage = try? await lineages.lineage(name) {
          try await journal.cleanJournal(name, lineage.settings.challenge)
        }
        var keepsPlaceholder = false
        if case .replaceByPlaceholder = policy {
          try await useGuard.replaceByPlaceholder(name)
          keepsPlaceholder = true
        }
        // Remove the files that servers read before the settings for their renewal.
        if keepsPlaceholder {
          try await certificates.prune(name, keeping: 1, sparing: [])
        } else {
          try await certificates.remove(name)
        }
        try await PendingStore(state: state).discard(name)
        try await lineages.remove(name)
        await events.append(
          Event(time: environment.clock.now(), event: "deleted", lineage: name.value))
      }
    }
  }
}
