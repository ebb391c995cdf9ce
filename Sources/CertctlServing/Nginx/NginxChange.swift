import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// A change of what nginx reads: staged, tested, applied, loaded and proved, and then finished or
/// undone.
///
/// It has parts that each stand or fall for themselves: certificates, or a site. The caller holds the
/// deployment lock.
struct NginxChange: Sendable {
  /// What stands or falls as a whole.
  struct Part: Sendable {
    /// What it is called, once in a change.
    let name: String
    /// What is to stand where; nothing for one that is only to be loaded and proved.
    let files: [FileChange]
    /// Those of the files that nginx reads as configuration, and tests beforehand.
    var configuration: [FileChange] = []
    /// The certificates that nginx is to serve with it, tested beforehand too.
    let certificates: [NginxDeployment.Target]
    /// Whether there is something to go back to; else a part that is refused is better than nothing.
    let canBeUndone: Bool
  }

  /// An nginx that reads some of the parts.
  struct Reader: Sendable {
    let place: NginxInstallation
    /// The names of the parts that it reads.
    let parts: Set<String>
    /// Looks whether nginx does what these parts say, after it has loaded them.
    ///
    /// It returns why not, for each one for which it does not; what it throws undoes all parts.
    let prove: @Sendable ([Part]) async throws -> [String: String]

    func reads(_ part: Part) -> Bool { parts.contains(part.name) }
  }

  /// What came of a part that an nginx reads.
  enum Outcome: Sendable {
    /// nginx does what it says.
    case proved
    /// nginx did not accept it beforehand.
    case refused(CertctlError)
    /// nginx did not load it, or does not do what it says.
    case failed(String)
  }

  let state: StateDirectory
  let environment: Environment
  let trial: NginxDryRun
  let parts: [Part]
  let readers: [Reader]

  private var control: NginxControl { NginxControl(environment: environment) }

  /// Makes the change.
  ///
  /// What is refused does not happen, and what is not proved is undone, if there is something to go
  /// back to. Each nginx is reloaded once, and once more where something is undone.
  ///
  /// - Returns: What came of each part that an nginx reads.
  /// - Throws: `CertctlError` when nothing was changed, or with code `deploymentFailed` when all is as
  ///   it was before; `CancellationError` likewise.
  func run() async throws -> [String: Outcome] {
    var outcomes = try await refusals()
    let accepted = parts.filter { outcomes[$0.name] == nil || !$0.canBeUndone }
    let concerned = readers.filter { accepted.contains(where: $0.reads) }
    let transaction = try await apply(accepted.flatMap(\.files), concerned)
    do {
      for reader in concerned {
        let loaded = try await load(accepted.filter(reader.reads), by: reader)
        // One that failed at another nginx stays failed.
        outcomes.merge(loaded) { if case .proved = $0 { $1 } else { $0 } }
      }
    } catch {
      try await putBack(transaction, nil, concerned)
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
      try await putBack(
        transaction, paths, concerned.filter { failed.contains(where: $0.reads) })
    }
    return outcomes
  }

  // MARK: - Test

  /// Has each nginx test the parts that it would read.
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

  /// Tries the parts: all at once, and one by one when that fails, so that one that is bad holds up
  /// no other.
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
      // Each link changes in one step, and nobody has loaded anything.
      try await Transaction.apply(changes, in: state)
      return nil
    }
    let now = environment.clock.now()
    let servers = readers.map(\.place.nginx.reference)
    return try await Transaction.applied(changes, servers: servers, in: state, now: now)
  }

  /// Lets one nginx load what is in place, and looks whether it does what that says.
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

  /// Puts back what a transaction changed, and lets these nginx load that.
  private func putBack(
    _ transaction: Transaction?, _ paths: Set<String>?, _ readers: [Reader]
  ) async throws {
    guard let transaction else { return }
    // The user's Ctrl-C must not leave nginx with what was taken back.
    try await Task {
      let foreign = try await transaction.undo(only: paths)
      for path in foreign {
        environment.console.warn(
          "\(path) was changed by somebody else meanwhile, and was left as it is")
      }
      for reader in readers {
        guard let failure = try await control.reload(reader.place.nginx) else { continue }
        environment.console.warn("the former configuration is in place again, but: \(failure)")
      }
      try await transaction.finish()
    }.value
  }

  /// What a person is told of an error after which all was put back.
  static func error(afterUndoing error: any Error) -> any Error {
    if error is CancellationError { return error }
    let cause = CertctlError(wrapping: error)
    return CertctlError(
      .deploymentFailed, cause.message,
      hint: (cause.hint.map { "\($0); " } ?? "") + "all files are as they were before",
      details: cause.details)
  }
}
