import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlServing
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

/// What came of making servers use a certificate.
struct DeploymentOutcome: Sendable {
  /// The hooks that ran.
  var hooks: [HookResult] = []
  /// Whether a server was seen to serve it.
  var isServed = false
  /// Why it failed; nil when it did not.
  var failure: String?
}

/// Makes servers use certificates.
struct Deployer: ContextPart {
  let context: Context

  /// Whether there is a certificate that servers were not made to use.
  func needsDeployment(_ name: LineageName) async throws -> Bool {
    try await waitingDeployment(of: name) != nil
  }

  /// Makes servers use the certificate of one lineage, unless they were made to already.
  func deploy(_ name: LineageName) async throws -> DeploymentOutcome {
    try await deploy([name])[name] ?? DeploymentOutcome()
  }

  /// Makes servers use the newest certificates of these lineages, unless they were made to already:
  /// nginx, with one reload for all, then whatever the deploy hooks see to.
  ///
  /// The caller holds the lineages' locks. What came of it is kept with each lineage: a failure is
  /// tried again by the next run, even when nothing is due. A certificate that nginx refuses or does
  /// not serve is not in use afterwards; hooks run only for what is.
  ///
  /// - Returns: What came of those that needed it.
  /// - Throws: `CertctlError` with code `locked` when another process deploys for longer than the
  ///   user's patience; `CancellationError`.
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

  /// Runs the hooks of a lineage whose certificate is in use, and keeps what came of it.
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
    // A run that was cut short before may have left a newer one.
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

  // MARK: - What waits

  /// A certificate that servers are to be made to use.
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

  /// What is in use of these lineages; those without a certificate are left out.
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

  /// The nginx that certctl has to do with: those of this host, those of the configuration file, and
  /// those of sites.
  func nginxDeployment() async throws -> NginxDeployment {
    let places = try await siteStore.all().map(\.place)
    return NginxDeployment(
      state: state, environment: environment,
      containers: Set(places.compactMap(\.container) + context.defaults.nginxContainers).sorted(),
      copies: Set(places.compactMap(\.copy)).sorted().map(CertificateCopy.init))
  }

  /// Removes old generations; nothing depends on it, so that it comes last and may fail.
  private func prune(_ lineage: Lineage, _ name: LineageName) async {
    do {
      let pruned = try await certificates.prune(
        name, keeping: lineage.settings.keepGenerations ?? CertificateStore.usualCount,
        sparing: lineage.unprunable)
      guard !pruned.isEmpty else { return }
      console.logger.info("old generations of \(name) removed: \(pruned.map(\.number))")
    } catch {
      console.warn("old generations of \(name) were not removed: \(error)")
    }
  }

  // MARK: - After a crash

  /// Puts back what an earlier run changed and did not bring to its end, if there is any.
  func recoverIfNeeded() async throws {
    guard await Transaction.areLeft(in: state) else { return }
    let lock = try await context.deploymentLock()
    defer { lock.release() }
    try await recover()
  }

  /// The same for a caller who holds the deployment lock.
  func recover() async throws {
    let found = try await Transaction.unfinished(in: state)
    // For somebody to look at: it must not hold up all that comes after it.
    for error in found.damaged {
      console.warn(error.message + (error.hint.map { " (\($0))" } ?? ""))
    }
    guard !found.left.isEmpty else { return }
    console.warn(
      "an earlier run was cut short while it changed what nginx uses: it is put back")
    var left: [Transaction] = []
    for transaction in found.left {
      do {
        for path in try await transaction.undo() {
          console.warn(
            "\(path) was changed by somebody else since, and was left as it is")
        }
        left.append(transaction)
      } catch let error as CertctlError where error.code == .damagedState {
        console.warn(error.message + (error.hint.map { " (\($0))" } ?? ""))
      }
    }
    let servers = Set(left.flatMap(\.record.servers))
    var deployment = try await nginxDeployment()
    // The first site of a container is not known any more, now that its record is taken back.
    deployment.containers = Set(deployment.containers + servers.compactMap(\.container)).sorted()
    for place in try await deployment.survey().places
    where servers.contains(place.nginx.reference) {
      guard let failure = try await NginxControl(environment: environment).reload(place.nginx)
      else {
        continue
      }
      console.warn("what was there before is in place again, but: \(failure)")
    }
    for transaction in left { try await transaction.finish() }
    await events.append(
      Event(time: environment.clock.now(), event: "recovered", message: "\(left.count)"))
  }
}
