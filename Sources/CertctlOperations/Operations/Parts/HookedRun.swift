import CertctlCore
import CertctlSystem
import Synchronization

extension ContextPart {
  /// Runs the `pre` hooks, then `body`, then the `post` hooks.
  ///
  /// Those come always, after a failure and after Ctrl-C too: they may have to start what the first
  /// ones stopped.
  ///
  /// - Parameters:
  ///   - due: What the `pre` hooks are told.
  ///   - body: The work; it returns the hooks that ran in it, too.
  ///   - occasion: What the `post` hooks are told of how the work ended.
  /// - Returns: What the work returned, and all hooks that ran.
  /// - Throws: What the work threw.
  func withHooks<Value: Sendable>(
    due: [LineageReport], _ body: () async throws -> (Value, hooks: [HookResult]),
    occasion: @escaping @Sendable (Result<Value, any Error>) async -> HookOccasion
  ) async throws -> (Value, hooks: [HookResult]) {
    let hooks = context.hooks
    let first = try await hooks.run(.pre(due: due))
    let warn = console.warn
    let last = Mutex<[HookResult]>([])
    let (value, own) = try await withCleanup(timeout: .seconds(3600)) {
      warn("the post hooks were not run to their end: \($0)")
    } _: {
      try await body()
    } cleanup: { result in
      let ran = try await hooks.run(await occasion(result.map(\.0)))
      last.withLock { $0 = ran }
    }
    return (value, first + own + last.withLock { $0 })
  }
}
