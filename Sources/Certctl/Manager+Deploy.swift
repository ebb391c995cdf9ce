import FoundationEssentials
import HostIO
import PKI

/// What came of making servers use a certificate.
struct DeploymentOutcome: Sendable {
  /// The hooks that ran.
  var hooks: [HookResult] = []
  /// Whether a server was seen to serve it.
  var isServed = false
  /// Why it failed; nil when it did not.
  var failure: String?
}

extension Manager {
  /// Whether there is a certificate in use that servers were not made to use.
  func needsDeployment(_ name: LineageName) async throws -> Bool {
    try await Blocking.run {
      guard let lineage = try? lineages.lineage(name), let leaf = try? liveLeaf(name) else {
        return false
      }
      return (lineage.deployment ?? Deployment())
        .progress(of: leaf.sha256Fingerprint.hexadecimal) != .deployed
    }
  }

  /// Makes nginx serve the certificates in use of these lineages: one reload for all.
  ///
  /// - Returns: What came of it, by lineage; those that are not named are not used by any.
  /// - Throws: `CertctlError` with code `locked` when another process deploys for longer than the
  ///   user's patience; `CancellationError`.
  func deployToServers(_ names: [LineageName]) async throws -> [LineageName: ServerAnswer] {
    let targets = try await targets(names)
    guard !targets.isEmpty else { return [:] }
    let lock = try await deploymentLock()
    defer { lock.release() }
    return try await NginxDeployment(state: state, services: services).deploy(targets)
  }

  /// Makes servers use the certificate in use, unless they were made to already: nginx, then
  /// whatever the deploy hooks see to.
  ///
  /// The caller holds the lineage's lock. What came of it is kept with the lineage: a failure is
  /// tried again by the next run, even when nothing is due.
  ///
  /// - Parameters:
  ///   - name: The lineage.
  ///   - known: What ``deployToServers(_:)`` said of it, where it was asked for many at once.
  /// - Returns: The hooks that ran, and why it failed, if it did.
  /// - Throws: `CertctlError` with code `locked` when another process deploys for longer than the
  ///   user's patience; `CancellationError`.
  func deploy(
    _ name: LineageName, servers known: [LineageName: ServerAnswer]? = nil
  ) async throws -> DeploymentOutcome {
    guard var lineage = try await Blocking.run({ try lineages.lineage(name) }),
      let leaf = try await Blocking.run({ try liveLeaf(name) })
    else { return DeploymentOutcome() }
    let fingerprint = leaf.sha256Fingerprint.hexadecimal
    var deployment = lineage.deployment ?? Deployment()
    guard deployment.progress(of: fingerprint) != .deployed else { return DeploymentOutcome() }
    let servers = if let known { known } else { try await deployToServers([name]) }
    // One at a time: hooks of two lineages may restart the same server.
    let lock = try await deploymentLock()
    defer { lock.release() }
    var outcome = DeploymentOutcome(
      hooks: try await hooks.run(
        .deploy(try await report(on: name)), own: lineage.settings.hooks ?? []))
    outcome.failure = outcome.hooks.first { !$0.succeeded }?.message
    switch servers[name] {
    case .failed(let reason): outcome.failure = reason
    case .served: outcome.isServed = true
    case nil: break
    }
    let now = services.clock.now()
    if let failure = outcome.failure {
      deployment.noteFailure(of: fingerprint, failure, now: now)
    } else {
      deployment.noteSuccess(of: fingerprint, now: now)
    }
    lineage.deployment = deployment
    try await save(lineage)
    await events.append(
      Event(
        time: now, event: outcome.failure == nil ? "deployed" : "deploymentFailed",
        lineage: name.value, message: outcome.failure))
    return outcome
  }

  /// What is to be served of these lineages; those without a certificate are left out.
  func targets(_ names: [LineageName]) async throws -> [NginxDeployment.Target] {
    try await Blocking.run {
      names.compactMap { name in
        (try? self.liveLeaves(name)).flatMap { $0.isEmpty ? nil : $0 }
          .map { NginxDeployment.Target(name: name, leaves: $0) }
      }
    }
  }

  func deploymentLock() async throws -> FileLock {
    try await state.lock("deployment", wait: lockTimeout, clock: services.clock)
  }

  private func liveLeaf(_ name: LineageName) throws -> Certificate? {
    try liveLeaves(name).first
  }

  private func liveLeaves(_ name: LineageName) throws -> [Certificate] {
    guard let live = try certificates.liveGeneration(name) else { return [] }
    return try certificates.loadLeaves(live, of: name)
  }
}
