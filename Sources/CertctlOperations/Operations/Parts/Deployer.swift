import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlServing
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

/// The outcome of a deployment.
struct DeploymentOutcome: Sendable {
  /// The results of the hooks that ran.
  var hooks: [HookResult] = []
  /// Whether a handshake verified that a server serves it.
  var isServed = false
  /// The reason why it failed; nil if it did not.
  var failure: String?
}

/// The deployment of certificates to servers.
struct Deployer: ContextPart {
  let context: Context

  /// Returns whether a certificate waits for its deployment.
  func needsDeployment(_ name: LineageName) async throws -> Bool {
    try await waitingDeployment(of: name) != nil
  }

  /// Deploys the certificate of one lineage, unless that is already done.
  func deploy(_ name: LineageName) async throws -> DeploymentOutcome {
    try await deploy([name])[name] ?? DeploymentOutcome()
  }

  /// Deploys the newest certificates of these lineages, unless that is already done.
  ///
  /// nginx is reloaded once for all of them, then the deploy hooks run. The caller holds the
  /// lineages' locks. Each lineage records its outcome, so that the next run retries a failure. A
  /// certificate that nginx rejects or does not serve is not in use afterwards; hooks run only for
  /// certificates in use.
  ///
  /// - Returns: The outcomes of the lineages that needed a deployment.
  /// - Throws: `CertctlError` with code `locked` if another process deploys for longer than the
  ///   lock timeout; `CancellationError`.
  func deploy(_ names: [LineageName]) async throws -> [LineageName: DeploymentOutcome] {
    var waiting: [WaitingDeployment] = []
    for name in names {
      if let deployment = try await waitingDeployment(of: name) { waiting.append(deployment) }
    }
    guard !waiting.isEmpty else { return [:] }
    // One at a time: hooks of two lineages may restart the same server.
    let lock = try await context.deploymentLock()
    defer { lock.release() }
    try await recover()
    let answers = try await nginxDeployment().deploy(waiting.map(\.target))
    var outcomes: [LineageName: DeploymentOutcome] = [:]
    for deployment in waiting {
      let name = deployment.target.name
      outcomes[name] = try await conclude(deployment, answers[name])
    }
    return outcomes
  }

  /// Runs the hooks of a lineage whose certificate is in use, and records the outcome.
  private func conclude(
    _ waiting: WaitingDeployment, _ answer: ServerAnswer?
  ) async throws -> DeploymentOutcome {
    let name = waiting.target.name
    var outcome = DeploymentOutcome()
    let live = try await certificates.liveGeneration(name)
    let isInUse = live == waiting.generation
    if isInUse {
      outcome.hooks = try await context.hooks.run(
        .deploy(try await reporter.report(on: name)), own: waiting.lineage.settings.hooks ?? [])
      outcome.failure = outcome.hooks.first { !$0.succeeded }?.message
    }
    switch answer {
    case .failed(let reason): outcome.failure = reason
    case .served: outcome.isServed = true
    case nil: break
    }
    let now = environment.clock.now()
    // Read it again, because it may have changed since.
    var lineage = try await lineages.lineage(name) ?? waiting.lineage
    var deployment = lineage.deployment ?? Deployment()
    if let failure = outcome.failure {
      deployment.noteFailure(of: waiting.fingerprint, failure, now: now)
    } else {
      deployment.noteSuccess(of: waiting.fingerprint, now: now)
    }
    lineage.deployment = deployment
    if isInUse { lineage.candidate = nil }
    try await context.save(lineage)
    await events.append(
      Event(
        time: now, event: outcome.failure == nil ? "deployed" : "deploymentFailed",
        lineage: name.value, message: outcome.failure))
    if isInUse { await prune(lineage, name) }
    return outcome
  }

  // MARK: - Waiting deployments

  /// A certificate that waits for its deployment.
  private struct WaitingDeployment: Sendable {
    let lineage: Lineage
    let generation: Generation
    let target: NginxDeployment.Target

    var fingerprint: String {
      target.leaves.first?.sha256Fingerprint.hexadecimal ?? ""
    }
  }

  private func waitingDeployment(of name: LineageName) async throws -> WaitingDeployment? {
    guard let lineage = try? await lineages.lineage(name),
      let target = try? await target(name, lineage),
      let generation = try await certificates.chosenGeneration(name, lineage)
    else { return nil }
    let waiting = WaitingDeployment(lineage: lineage, generation: generation, target: target)
    let isDone =
      target.candidate == nil
      && (lineage.deployment ?? Deployment()).progress(of: waiting.fingerprint) == .deployed
    return isDone ? nil : waiting
  }

  private func target(
    _ name: LineageName, _ lineage: Lineage?
  ) async throws -> NginxDeployment.Target? {
    guard let chosen = try await certificates.chosenGeneration(name, lineage) else { return nil }
    let live = try await certificates.liveGeneration(name)
    return NginxDeployment.Target(
      name: name, leaves: try await certificates.loadLeaves(chosen, of: name),
      candidate: live == chosen ? nil : chosen, hasOther: live != nil && live != chosen)
  }

  /// Returns the certificates in use of these lineages, skipping those without one.
  func targets(_ names: [LineageName]) async throws -> [NginxDeployment.Target] {
    var targets: [NginxDeployment.Target] = []
    for name in names {
      guard let live = try? await certificates.liveGeneration(name),
        let leaves = try? await certificates.loadLeaves(live, of: name)
      else { continue }
      targets.append(NginxDeployment.Target(name: name, leaves: leaves))
    }
    return targets
  }

  /// Returns the deployment for every nginx: of this host, the configuration file and the sites.
  func nginxDeployment() async throws -> NginxDeployment {
    let places = try await siteStore.all().map(\.place)
    return NginxDeployment(
      state: state, environment: environment,
      containers: Set(places.compactMap(\.container) + context.defaults.nginxContainers).sorted(),
      copies: Set(places.compactMap(\.copy)).sorted().map(CertificateCopy.init))
  }

  /// Removes old generations; a failure is only a warning.
  private func prune(_ lineage: Lineage, _ name: LineageName) async {
    do {
      let pruned = try await certificates.prune(
        name, keeping: lineage.settings.keepGenerations ?? CertificateStore.usualCount,
        sparing: lineage.unprunable)
      guard !pruned.isEmpty else { return }
      console.logger.info("removed old versions of \(name): \(pruned.map(\.number))")
    } catch {
      console.warn("cannot remove old versions of \(name): \(error)")
    }
  }

  // MARK: - After a crash

  /// Undoes the changes that an earlier run did not complete, if any.
  func recoverIfNeeded() async throws {
    guard await Transaction.areLeft(in: state) else { return }
    let lock = try await context.deploymentLock()
    defer { lock.release() }
    try await recover()
  }

  /// Undoes incomplete changes, for a caller that holds the deployment lock.
  func recover() async throws {
    let found = try await Transaction.unfinished(in: state)
    // Damaged records stay for inspection, but must not block later work.
    for error in found.damaged {
      console.warn(error.message + (error.hint.map { " (\($0))" } ?? ""))
    }
    guard !found.left.isEmpty else { return }
    console.warn(
      "an earlier run was interrupted while changing nginx files: restoring them")
    var left: [Transaction] = []
    for transaction in found.left {
      do {
        for path in try await transaction.undo() {
          console.warn(
            "kept \(path): it was edited after the interrupted run")
        }
        left.append(transaction)
      } catch let error as CertctlError where error.code == .damagedState {
        console.warn(error.message + (error.hint.map { " (\($0))" } ?? ""))
      }
    }
    let servers = Set(left.flatMap(\.record.servers))
    var deployment = try await nginxDeployment()
    // Undoing the first site of a container also removed the record of that container.
    deployment.containers = Set(deployment.containers + servers.compactMap(\.container)).sorted()
    for place in try await deployment.survey().places
    where servers.contains(place.nginx.reference) {
      guard let failure = try await NginxControl(environment: environment).reload(place.nginx)
      else {
        continue
      }
      console.warn("restored the previous files, but: \(failure)")
    }
    for transaction in left { try await transaction.finish() }
    await events.append(
      Event(time: environment.clock.now(), event: "recovered", message: "\(left.count)"))
  }
}
