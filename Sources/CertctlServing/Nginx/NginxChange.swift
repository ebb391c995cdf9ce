import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// A change of what nginx reads: staged, tested, applied, loaded and verified, then finished or
/// undone.
///
/// Its parts, such as certificates or a site, succeed or fail independently. The caller holds the
/// deployment lock.
struct NginxChange: Sendable {
  /// A part that succeeds or fails as a whole.
  struct Part: Sendable {
    /// The name, unique in the change.
    let name: String
    /// The target state of the files; empty if the part only has to be loaded and verified.
    let files: [FileChange]
    /// The files that nginx reads as configuration, which are tested before.
    var configuration: [FileChange] = []
    /// The certificates that nginx must serve afterwards, which are tested before.
    let certificates: [NginxDeployment.Target]
    /// Whether a previous state exists.
    ///
    /// Without one, even a refused part is better than nothing.
    let canBeUndone: Bool
  }

  /// An nginx that reads some of the parts.
  struct Reader: Sendable {
    let place: NginxInstallation
    /// The names of the parts that it reads.
    let parts: Set<String>
    /// Verifies the parts after nginx loaded them.
    ///
    /// Returns the reason for each part that fails. If it throws, all parts are undone.
    let prove: @Sendable ([Part]) async throws -> [String: String]

    func reads(_ part: Part) -> Bool { parts.contains(part.name) }
  }

  /// The outcome of a part that an nginx reads.
  enum Outcome: Sendable {
    /// nginx behaves as the part says.
    case proved
    /// nginx rejected it in the test.
    case refused(CertctlError)
    /// nginx did not load it or does not behave as it says.
    case failed(String)
  }

  let state: StateDirectory
  let environment: Environment
  let trial: NginxDryRun
  let parts: [Part]
  let readers: [Reader]

  private var control: NginxControl { NginxControl(environment: environment) }

  /// Applies the change.
  ///
  /// A refused part is not applied. A part that fails verification is undone if a previous state
  /// exists. Each nginx is reloaded once, and again if something is undone.
  ///
  /// - Returns: The outcome of each part that an nginx reads.
  /// - Throws: `CertctlError` if nothing was changed, or with code `deploymentFailed` if everything
  ///   was restored; `CancellationError` likewise.
  func run() async throws -> [String: Outcome] {
    var outcomes = try await refusals()
    let accepted = parts.filter { outcomes[$0.name] == nil || !$0.canBeUndone }
    let concerned = readers.filter { accepted.contains(where: $0.reads) }
    let transaction = try await apply(accepted.flatMap(\.files), concerned)
    do {
      for reader in concerned {
        let loaded = try await load(accepted.filter(reader.reads), by: reader)
        // A failure at another nginx is kept.
        outcomes.merge(loaded) { if case .proved = $0 { $1 } else { $0 } }
      }
    } catch {
      try await restore(transaction, nil, concerned)
      throw Self.error(afterUndoing: error)
    }
    let failed = accepted.filter { part in
      guard part.canBeUndone, let outcome = outcomes[part.name] else { return false }
      if case .proved = outcome { return false }
      return true
    }
    if failed.isEmpty {
      try await transaction?.finish()
    } else {
      let paths = Set(failed.flatMap(\.files).map(\.path))
      try await restore(
        transaction, paths, concerned.filter { failed.contains(where: $0.reads) })
    }
    return outcomes
  }

  // MARK: - Test

  /// Lets each nginx test the parts that it would read.
  private func refusals() async throws -> [String: Outcome] {
    var refusals: [String: Outcome] = [:]
    for reader in readers {
      let tried = parts.filter {
        !$0.files.isEmpty && reader.reads($0) && refusals[$0.name] == nil
      }
      for (name, error) in try await self.refusals(of: tried, at: reader.place) {
        refusals[name] = .refused(error)
      }
    }
    return refusals
  }

  /// Tests all parts together, then one by one if that fails, so that a bad part does not block
  /// others.
  private func refusals(
    of parts: [Part], at place: NginxInstallation
  ) async throws -> [String: CertctlError] {
    guard let reason = try await refusal(of: parts, at: place) else { return [:] }
    var refusals: [String: CertctlError] = [:]
    for part in parts where parts.count > 1 {
      refusals[part.name] = try await refusal(of: [part], at: place)
    }
    let rest = parts.filter { refusals[$0.name] == nil }
    let still = rest.count < parts.count ? try await refusal(of: rest, at: place) : reason
    if let still { for part in rest { refusals[part.name] = still } }
    return refusals
  }

  private func refusal(of parts: [Part], at place: NginxInstallation) async throws -> CertctlError?
  {
    guard !parts.isEmpty else { return nil }
    return try await trial.refusal(
      of: parts.flatMap(\.configuration), parts.flatMap(\.certificates), at: place)
  }

  // MARK: - Apply and load

  private func apply(_ changes: [FileChange], _ readers: [Reader]) async throws -> Transaction? {
    guard !changes.isEmpty else { return nil }
    guard !readers.isEmpty else {
      // No nginx reads these links, and each one changes atomically.
      try await Transaction.apply(changes, in: state)
      return nil
    }
    let now = environment.clock.now()
    let servers = readers.map(\.place.nginx.reference)
    return try await Transaction.applied(changes, servers: servers, in: state, now: now)
  }

  /// Reloads an nginx and verifies the parts.
  private func load(_ parts: [Part], by reader: Reader) async throws -> [String: Outcome] {
    let failures: [String: String]
    if let failure = try await control.reload(reader.place.nginx) {
      failures = Dictionary(parts.map { ($0.name, failure) }) { $1 }
    } else {
      failures = try await reader.prove(parts)
    }
    return Dictionary(
      parts.map { ($0.name, failures[$0.name].map { .failed($0) } ?? .proved) }
    ) { $1 }
  }

  // MARK: - Undo

  /// Restores what a transaction changed and reloads these nginx.
  private func restore(
    _ transaction: Transaction?, _ paths: Set<String>?, _ readers: [Reader]
  ) async throws {
    guard let transaction else { return }
    // Ctrl-C must not leave nginx with a configuration that was undone.
    try await Task {
      let foreign = try await transaction.undo(only: paths)
      for path in foreign {
        environment.console.warn(
          "kept \(path): it was edited during the change")
      }
      for reader in readers {
        guard let failure = try await control.reload(reader.place.nginx) else { continue }
        environment.console.warn("restored the previous configuration, but \(failure)")
      }
      try await transaction.finish()
    }.value
  }

  /// Returns the error to show after everything was restored.
  static func error(afterUndoing error: any Error) -> any Error {
    if error is CancellationError { return error }
    let cause = CertctlError(wrapping: error)
    return CertctlError(
      .deploymentFailed, cause.message,
      hint: (cause.hint.map { "\($0); " } ?? "") + "all files were restored",
      details: cause.details)
  }
}
