import FoundationEssentials
import HostIO
import PKI

/// What came of making servers use a certificate.
struct DeploymentOutcome: Sendable {
  /// The hooks that ran.
  var hooks: [HookResult] = []
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

  /// Makes servers use the certificate in use, unless they were made to already.
  ///
  /// The caller holds the lineage's lock. What came of it is kept with the lineage: a failure is
  /// tried again by the next run, even when nothing is due.
  ///
  /// - Throws: `CertctlError` with code `locked` when another process deploys for longer than the
  ///   user's patience; `CancellationError`.
  func deploy(_ name: LineageName) async throws -> DeploymentOutcome {
    guard var lineage = try await Blocking.run({ try lineages.lineage(name) }),
      let leaf = try await Blocking.run({ try liveLeaf(name) })
    else { return DeploymentOutcome() }
    let fingerprint = leaf.sha256Fingerprint.hexadecimal
    var deployment = lineage.deployment ?? Deployment()
    guard deployment.progress(of: fingerprint) != .deployed else { return DeploymentOutcome() }
    // One at a time: hooks of two lineages may restart the same server.
    let lock = try await state.lock("deployment", wait: lockTimeout, clock: services.clock)
    defer { lock.release() }
    var outcome = DeploymentOutcome(
      hooks: try await hooks.run(
        .deploy(try await report(on: name)), own: lineage.settings.hooks ?? []))
    outcome.failure = outcome.hooks.first { !$0.succeeded }?.message
    let now = services.clock.now()
    if let failure = outcome.failure {
      deployment.noteFailure(of: fingerprint, failure, now: now)
    } else {
      deployment.noteSuccess(of: fingerprint, now: now)
    }
    lineage.deployment = deployment
    try await save(lineage)
    if !outcome.hooks.isEmpty {
      await events.append(
        Event(
          time: now, event: outcome.failure == nil ? "deployed" : "deploymentFailed",
          lineage: name.value, message: outcome.failure))
    }
    return outcome
  }

  private func liveLeaf(_ name: LineageName) throws -> Certificate? {
    guard let live = try certificates.liveGeneration(name) else { return nil }
    return try certificates.loadChain(live, of: name).first
  }
}
