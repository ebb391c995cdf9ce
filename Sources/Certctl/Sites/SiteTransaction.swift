import CertctlBase
import FoundationEssentials
import HostIO

/// A change of the files of one nginx: tried, put in place, loaded and proved, or put back.
struct SiteTransaction: Sendable {
  let deployment: NginxDeployment
  let place: NginxPlace

  private var services: Services { deployment.services }

  /// Makes the changes; the caller holds the deployment lock.
  ///
  /// Nothing happens, and nginx is not reloaded, when all is as it is to be.
  ///
  /// - Parameters:
  ///   - wanted: What is to stand where.
  ///   - check: Looks at what nginx would read, before anything changes.
  ///   - prove: Looks whether nginx does it, after it has loaded the files.
  /// - Returns: Whether anything changed.
  /// - Throws: `CertctlError` with code `nginxRefused` when nothing was changed, `deploymentFailed`
  ///   when all was put back; `CancellationError`, and all was put back.
  func run(
    _ wanted: [FileChange],
    check: (NginxConfiguration) async throws -> Void = { _ in },
    prove: () async throws -> Void = {}
  ) async throws -> Bool {
    let changes = try await Blocking.run { try wanted.filter { try !isInPlace($0) } }
    guard !changes.isEmpty else {
      try await prove()
      return false
    }
    try await check(
      try await NginxTrial(deployment).configuration(after: changes, [], at: place))
    let now = services.clock.now()
    let transaction = try await Blocking.run {
      try Transaction.made(
        changes, servers: [place.nginx.reference], in: deployment.state, now: now)
    }
    do {
      if let failure = try await deployment.reload(place.nginx) {
        throw CertctlError(.deploymentFailed, failure)
      }
      try await prove()
    } catch {
      let uses = [NginxDeployment.Use(place: place, servers: [:])]
      try await deployment.putBack(transaction, nil, uses)
      if error is CancellationError { throw error }
      let cause = CertctlError(wrapping: error)
      throw CertctlError(
        .deploymentFailed, cause.message,
        hint: (cause.hint.map { "\($0); " } ?? "") + "all files are as they were before")
    }
    try await Blocking.run { try transaction.finish() }
    return true
  }

  private func isInPlace(_ change: FileChange) throws -> Bool {
    let now = try Transaction.state(at: change.path)
    switch change.content {
    case .absent: return now.kind == .absent
    case .folder: return now.kind == .folder
    case .link(let target): return now.kind == .link && now.target == target
    case .file(let bytes, let attributes):
      let (folder, name) = change.place
      return try now.kind == .file && now.mode == attributes.mode
        && folder.read(name, limit: 16 << 20) == bytes
    }
  }
}
