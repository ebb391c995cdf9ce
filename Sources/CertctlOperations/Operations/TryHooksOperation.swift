import CertctlBase
import CertctlCore
package import CertctlStore
import CertctlSystem

/// An operation that runs hooks as if their event had happened.
///
/// - Returns: The result of each hook.
/// - Throws: `CertctlError` with code `notFound` if the hook or lineage does not exist, `refused`
///   if the hook is unusable.
package struct TryHooksOperation: Operation {
  /// The hook's file name or path; nil for all of the event.
  package var name: String?
  /// The event to simulate.
  package var event: HookEvent
  /// The lineage concerned; required for `deploy` unless there is only one.
  package var lineage: LineageName?
  /// The notice for `notify`; its lineage is filled in.
  package var notice: HookNotice?

  package init(
    named name: String?, event: HookEvent, lineage: LineageName?, notice: HookNotice? = nil
  ) {
    self.name = name
    self.event = event
    self.lineage = lineage
    self.notice = notice
  }

  package func run(in context: Context) async throws -> [HookResult] {
    try await Run(context: context).tryHooks(
      named: name, event: event, lineage: lineage, notice: notice)
  }

  private struct Run: ContextPart {
    let context: Context

    func tryHooks(
      named name: String?, event: HookEvent, lineage: LineageName?, notice: HookNotice? = nil
    ) async throws -> [HookResult] {
      let hooks = context.hooks
      let about = try await subject(lineage, of: event)
      let own = try await ownHooks(of: about)
      let occasion = try Self.occasion(event, about, notice)
      guard let name else { return try await hooks.run(occasion, own: own) }
      let known = try await hooks.list(event, own: own)
      guard let hook = known.first(where: { $0.path == name || $0.name == name }) else {
        let names = known.map(\.name).joined(separator: ", ")
        throw CertctlError(
          .notFound,
          "no \(event.rawValue) hook '\(name)' in "
            + "\(hooks.directory)/\(event.rawValue).d",
          hint: known.isEmpty ? "run: certctl hook list" : "available: \(names)")
      }
      if let problem = hook.problem {
        throw CertctlError(
          .refused,
          "cannot run the hook \(hook.path): \(problem)",
          hint: hook.hint)
      }
      return [try await hooks.run(hook.path, occasion)]
    }

    // MARK: - Lineages

    private func subject(
      _ name: LineageName?, of event: HookEvent
    ) async throws -> LineageReport? {
      if let name { return try await ShowOperation(name).run(in: context) }
      guard event == .deploy else { return nil }
      let all = try await reporter.list()
      return all.count == 1 ? all[0] : nil
    }

    private static func occasion(
      _ event: HookEvent, _ lineage: LineageReport?, _ notice: HookNotice?
    ) throws -> HookOccasion {
      switch event {
      case .pre: return .pre(due: lineage.map { [$0] } ?? [])
      case .post: return .post(renewed: lineage.map { [$0] } ?? [], failed: [])
      case .deploy:
        guard let lineage else {
          throw CertctlError(
            .usage, "deploy hooks require a certificate",
            hint: "add --lineage NAME; for the names, run: certctl list")
        }
        return .deploy(lineage)
      case .notify:
        var notice = notice ?? HookNotice(reason: .test, message: "this is a test of the hooks")
        notice.lineage = lineage?.name
        notice.names = lineage?.names
        notice.notAfter = lineage?.notAfter
        return .notify(notice)
      }
    }

    private func ownHooks(of lineage: LineageReport?) async throws -> [String] {
      guard let lineage else { return [] }
      let name = try LineageName(lineage.name)
      return try await lineages.lineage(name)?.settings.hooks ?? []
    }
  }
}
