import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem

/// An operation that lists all hooks, including those of single lineages.
///
/// - Throws: `CertctlError` if a directory cannot be read.
package struct ListHooksOperation: Operation {
  package init() {}

  package func run(in context: Context) async throws -> [HookReport] {
    try await Run(context: context).listHooks()
  }

  private struct Run: ContextPart {
    let context: Context

    func listHooks() async throws -> [HookReport] {
      let hooks = context.hooks
      var reports = try await hooks.list()
      let shared = Set(reports.map(\.path))
      for (name, paths) in try await ownHooks() {
        reports += try await hooks.list(.deploy, own: paths)
          .filter { !shared.contains($0.path) }
          .map { report in
            var report = report
            report.lineage = name.value
            return report
          }
      }
      return reports
    }

    /// Returns the hooks of each lineage, except unreadable ones, which `list` reports.
    private func ownHooks() async throws -> [(LineageName, [String])] {
      var own: [(LineageName, [String])] = []
      for name in try await lineages.names() {
        guard let lineage = try? await lineages.lineage(name) else { continue }
        if let hooks = lineage.settings.hooks { own.append((name, hooks)) }
      }
      return own
    }
  }
}
