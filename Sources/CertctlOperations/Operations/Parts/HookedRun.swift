import CertctlCore
import CertctlSystem
import Synchronization

extension ContextPart {
  /// Runs the `pre` hooks, then `body`, then the `post` hooks.
  ///
  /// The `post` hooks always run, even after a failure or Ctrl-C: they may have to start what the
  /// `pre` hooks stopped.
  ///
  /// - Parameters:
  ///   - due: The lineages for the `pre` hooks.
  ///   - body: The work; it also returns the results of its hooks.
  ///   - occasion: Returns the event for the `post` hooks from the result of the work.
  /// - Returns: The value of the work, and the results of all hooks.
  /// - Throws: The errors of the work.
  func withHooks<Value: Sendable>(
    due: [LineageReport], _ body: () async throws -> (Value, hooks: [HookResult]),
    occasion: @escaping @Sendable (Result<Value, any Error>) async -> HookOccasion
  ) async throws -> (Value, hooks: [HookResult]) {
    let hooks = context.hooks
    let first = try await hooks.run(.pre(due: due))
    let warn = console.warn
    let last = Mutex<[HookResult]>([])
    let (value, own) = try await withCleanup(timeout: .seconds(3600)) {
      warn("the post hooks did not complete: \($0)")
    } _: {
      try await body()
    } cleanup: { result in
      let ran = try await hooks.run(await occasion(result.map(\.0)))
      last.withLock { $0 = ran }
    }
    return (value, first + own + last.withLock { $0 })
  }
}
