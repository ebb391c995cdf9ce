import CertctlBase
import HostIO
import Synchronization

/// The hooks that ran in a command, with what became of them.
final class HookLog: Sendable {
  private let entries = Mutex<[HookResult]>([])

  var results: [HookResult] { entries.withLock { $0 } }

  func add(_ more: [HookResult]) { entries.withLock { $0 += more } }
}

extension Manager {
  /// Runs the `pre` hooks, then `body`, then the `post` hooks.
  ///
  /// Those come always, after a failure and after Ctrl-C too: they may have to start what the first
  /// ones stopped.
  func withHooks<Value: Sendable>(
    due: [LineageReport], _ log: HookLog, _ body: () async throws -> Value,
    occasion: @escaping @Sendable (Result<Value, any Error>) async -> HookOccasion
  ) async throws -> Value {
    log.add(try await hooks.run(.pre(due: due)))
    let warn = services.warn
    return try await withRetraction(timeout: .seconds(3600)) {
      warn("the post hooks were not run to their end: \($0)")
    } _: {
      try await body()
    } retract: { result in
      log.add(try await self.hooks.run(await occasion(result)))
    }
  }

  /// All hooks, those of single lineages too.
  ///
  /// - Throws: `CertctlError` when a folder cannot be read.
  public func listHooks() async throws -> [HookReport] {
    let hooks = hooks
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

  /// Tries hooks out: runs them as if the event had happened.
  ///
  /// - Parameters:
  ///   - name: The hook's file name or path; nil for all of the event.
  ///   - event: The event to play.
  ///   - lineage: The lineage that it is about. A `deploy` needs one, unless there is only one.
  ///   - notice: What a `notify` says; its lineage is filled in.
  /// - Returns: What became of each.
  /// - Throws: `CertctlError` with code `notFound` when there is no such hook or lineage, and
  ///   `refused` when the hook must not be run.
  public func tryHooks(
    named name: String?, event: HookEvent, lineage: LineageName?, notice: HookNotice? = nil
  ) async throws -> [HookResult] {
    do {
      let hooks = hooks
      let about = try await subject(lineage, of: event)
      let own = try await ownHooks(of: about)
      let occasion = try Self.occasion(event, about, notice)
      guard let name else { return try await hooks.run(occasion, own: own) }
      let known = try await hooks.list(event, own: own)
      guard let hook = known.first(where: { $0.path == name || $0.name == name }) else {
        let names = known.map { escapedForTerminal($0.name) }.joined(separator: ", ")
        throw CertctlError(
          .notFound,
          "there is no \(event.rawValue) hook '\(escapedForTerminal(name))' in "
            + "\(hooks.directory)/\(event.rawValue).d",
          hint: known.isEmpty ? "see certctl hook list" : "there is: \(names)")
      }
      if let problem = hook.problem {
        throw CertctlError(
          .refused,
          "the hook \(escapedForTerminal(hook.path)) is not run: \(escapedForTerminal(problem))",
          hint: hook.hint.map(escapedForTerminal))
      }
      return [try await hooks.run(hook.path, occasion)]
    } catch let error as CancellationError {
      throw error
    } catch {
      throw CertctlError(wrapping: error)
    }
  }

  // MARK: - Lineages

  private func subject(
    _ name: LineageName?, of event: HookEvent
  ) async throws -> LineageReport? {
    if let name { return try await show(name) }
    guard event == .deploy else { return nil }
    let all = try await list()
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
          .usage, "a deploy hook runs for a certificate, and none is named",
          hint: "add --lineage NAME; see certctl list")
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
    return try await Blocking.run { try lineages.lineage(name)?.settings.hooks ?? [] }
  }

  /// The hooks of each lineage; one that cannot be read has none, as `list` tells of it.
  private func ownHooks() async throws -> [(LineageName, [String])] {
    try await Blocking.run {
      try lineages.names().compactMap { name in
        (try? lineages.lineage(name))??.settings.hooks.map { (name, $0) }
      }
    }
  }
}
