import CertctlBase
import FoundationEssentials
import HostIO
import Logging
import PKI

/// What came of making a server use a certificate.
enum ServerAnswer: Sendable, Equatable {
  /// It serves it, as a handshake showed.
  case served
  /// It does not, for this reason.
  case failed(String)
}

/// Makes nginx serve certificates, and proves that it does.
struct NginxDeployment: Sendable {
  /// How long the new workers may take to serve what they have loaded.
  static let patience = Duration.seconds(15)
  /// How long old workers may go on taking connections beside the new ones.
  static let overlap = Duration.milliseconds(300)

  let state: StateDirectory
  let services: Services
  /// The names of the containers in which an nginx is to be looked for, beside this host.
  var containers: [String] = []
  /// Where copies of certificates are kept.
  var copies: [CertificateCopy] = []

  /// A lineage, and the certificate that is to be served for it.
  struct Target: Sendable {
    let name: LineageName
    /// The leaf; two where there is an RSA certificate beside the ECDSA one.
    let leaves: [Certificate]
    /// The generation, as long as `live` does not point to it.
    var candidate: Generation?
    /// Whether there is another generation to go back to.
    var hasOther = false
  }

  /// What one nginx has to do with the targets.
  struct Use: Sendable {
    let place: NginxPlace
    /// The servers that serve a target, by lineage.
    let servers: [LineageName: [NginxServer]]

    var nginx: RunningNginx { place.nginx }
  }

  /// Has nginx test the candidates, puts them in use, reloads once, and looks at each address.
  ///
  /// What is refused, or is not served in the end, is not in use afterwards: `live` points to what
  /// it pointed to before. An nginx that uses none of the targets is left alone, and so is one that
  /// this user may not ask. The caller holds the deployment lock.
  ///
  /// - Returns: What came of those that an nginx uses.
  /// - Throws: `CertctlError` when `live` cannot be changed; `CancellationError`.
  func deploy(_ targets: [Target]) async throws -> [LineageName: ServerAnswer] {
    guard !targets.isEmpty else { return [:] }
    let survey = try await survey()
    let uses = try await uses(of: targets, in: survey).filter { !$0.servers.isEmpty }
    var answers: [LineageName: ServerAnswer] = [:]
    for use in uses {
      let candidates = targets.filter {
        $0.candidate != nil && use.servers[$0.name] != nil && answers[$0.name] == nil
      }
      for (name, reason) in try await NginxTrial(self).refusals(candidates, by: use) {
        answers[name] = .failed(reason)
      }
    }
    // Without another one to go back to, a refused certificate is better than none at all.
    let accepted = targets.filter { answers[$0.name] == nil || !$0.hasOther }
    let changes = try await Blocking.run { try accepted.flatMap(fileChanges) }
    let concerned = uses.filter { use in accepted.contains { use.servers[$0.name] != nil } }
    let transaction = try await begin(changes, concerned)
    do {
      for use in concerned {
        let served = try await serve(accepted.filter { use.servers[$0.name] != nil }, by: use)
        // One that failed at another nginx stays failed.
        answers.merge(served) { $0 == .served ? $1 : $0 }
      }
    } catch {
      try await putBack(transaction, nil, concerned)
      throw error
    }
    let failed = accepted.filter { target in
      guard target.hasOther, target.candidate != nil, let answer = answers[target.name] else {
        return false
      }
      return answer != .served
    }
    if failed.isEmpty {
      try await Blocking.run { try transaction?.finish() }
    } else {
      let again = concerned.filter { use in failed.contains { use.servers[$0.name] != nil } }
      let paths = try await Blocking.run { try failed.flatMap(fileChanges).map(\.path) }
      try await putBack(transaction, Set(paths), again)
    }
    // It is in use, but an nginx that could not be asked may go on with the one before.
    for target in targets where answers[target.name] == nil {
      let unasked = try await unasked(serving: target, in: survey)
      answers[target.name] = unasked.map { .failed($0.failure) }
    }
    return answers
  }

  /// What `live` is to point to, and the copies that go with it.
  private func fileChanges(_ target: Target) throws -> [FileChange] {
    guard let generation = target.candidate else { return [] }
    let link = FileChange(
      "\(state.live.path)/\(target.name)",
      .link("../archive/\(target.name)/\(generation.folderName)"))
    let here = copies.filter { $0.has(target.name) }
    guard !here.isEmpty else { return [link] }
    let certificate = try CertificateStore(state: state).load(generation, of: target.name)
    let files = try LineageStore(state: state).lineage(target.name)?.settings.files
    return try here.flatMap {
      try $0.changes(for: target.name, certificate, files ?? FileSettings())
    } + [link]
  }

  private func begin(_ changes: [FileChange], _ uses: [Use]) async throws -> Transaction? {
    guard !changes.isEmpty else { return nil }
    guard !uses.isEmpty else {
      // Each link changes in one step, and nobody has loaded anything.
      try await Blocking.run { try Transaction.apply(changes, in: state) }
      return nil
    }
    let now = services.clock.now()
    return try await Blocking.run {
      try Transaction.made(changes, servers: uses.map(\.nginx.reference), in: state, now: now)
    }
  }

  /// Puts back what a transaction changed, and lets these nginx load that.
  func putBack(
    _ transaction: Transaction?, _ paths: Set<String>?, _ uses: [Use]
  ) async throws {
    guard let transaction else { return }
    // The user's Ctrl-C must not leave nginx with what was taken back.
    let deployment = self
    try await Task {
      let foreign = try await Blocking.run { try transaction.undo(only: paths) }
      for path in foreign {
        services.warn("\(path) was changed by somebody else meanwhile, and was left as it is")
      }
      for use in uses {
        guard let failure = try await deployment.reload(use.nginx) else { continue }
        services.warn("the former configuration is in place again, but: \(failure)")
      }
      try await Blocking.run { try transaction.finish() }
    }.value
  }

  /// Lets one nginx load what is in place, and looks whether it serves it.
  private func serve(
    _ targets: [Target], by use: Use
  ) async throws -> [LineageName: ServerAnswer] {
    if let failure = try await reload(use.nginx) {
      return Dictionary(targets.map { ($0.name, .failed(failure)) }) { $1 }
    }
    return try await prove(targets, by: use)
  }

  /// Looks at each address for each target, after a reload.
  func prove(_ targets: [Target], by use: Use) async throws -> [LineageName: ServerAnswer] {
    for target in targets.prefix(1) {
      for server in use.servers[target.name] ?? [] {
        _ = try await proof(of: target, by: server, of: use.nginx)
      }
    }
    // The first round waits for the new workers; for a moment the old ones take connections
    // beside them, so that only the second round proves that they are gone.
    try await services.clock.sleep(Self.overlap)
    var answers: [LineageName: ServerAnswer] = [:]
    for target in targets {
      var failure: String?
      for server in use.servers[target.name] ?? [] where failure == nil {
        failure = try await proof(of: target, by: server, of: use.nginx)
      }
      answers[target.name] = failure.map { .failed($0) } ?? .served
    }
    return answers
  }

  // MARK: - Reload

  /// Tests the configuration, and lets nginx load it; returns why that failed, if it did.
  func reload(_ nginx: RunningNginx) async throws -> String? {
    services.progress(.reloading("nginx"))
    switch nginx.reload {
    case .command(let command): return try await run([nginx.test, command])
    case .signal(let process):
      if let failure = try await run([nginx.test]) { return failure }
      return try await signal(process)
    }
  }

  private func signal(_ process: RunningProcess) async throws -> String? {
    do {
      try await Blocking.run { try ProcessTable.reload(process) }
      return nil
    } catch {
      return CertctlError(wrapping: error).message
    }
  }

  /// Tests the configuration; returns what nginx says against it.
  func test(_ nginx: RunningNginx) async throws -> String? { try await run([nginx.test]) }

  private func run(_ commands: [Command]) async throws -> String? {
    for command in commands {
      let words = ([command.executable] + command.arguments).joined(separator: " ")
      do {
        let result = try await services.runner.run(command)
        guard result.succeeded else {
          return "\(words) failed: " + Self.firstLines(result.output)
        }
      } catch let error as CancellationError {
        throw error
      } catch {
        return CertctlError(wrapping: error).message
      }
    }
    return nil
  }

  static func firstLines(_ output: String) -> String {
    let lines = output.split(separator: "\n").prefix(3).map(String.init)
    return lines.isEmpty ? "it said nothing" : lines.joined(separator: " ")
  }

  // MARK: - Proof

  /// Looks until the new certificate is served at each address; returns why it is not.
  private func proof(
    of target: Target, by server: NginxServer, of nginx: RunningNginx
  ) async throws -> String? {
    guard let name = Self.probeName(server, target) else { return nil }
    for listen in server.listens {
      var waited = Duration.zero
      var pause = Duration.milliseconds(50)
      while let fault = try await fault(of: target, at: listen, for: name, of: nginx) {
        guard waited < Self.patience else { return fault }
        try await services.clock.sleep(pause)
        waited += pause
        pause = min(pause * 2, .seconds(1))
      }
    }
    return nil
  }

  /// Why one address does not serve the target now; nil when it does.
  func fault(
    of target: Target, at listen: NginxServer.Listen, for name: String, of nginx: RunningNginx
  ) async throws -> String? {
    guard let endpoint = nginx.endpoint(listen.endpoint) else {
      return "this host does not reach \(listen.endpoint) of the container: publish the port"
    }
    let listen = NginxServer.Listen(
      endpoint: endpoint, expectsProxyHeader: listen.expectsProxyHeader)
    let place = "\(name) at \(listen.endpoint)"
    do {
      let chain = try await Blocking.run { try ServedCertificate.chain(at: listen, for: name) }
      guard let leaf = chain.first else { return "nginx shows no certificate for \(place)" }
      if target.leaves.contains(leaf) { return nil }
      return "nginx serves another certificate for \(place): "
        + "\(leaf.serialNumber.hexadecimal), valid until \(leaf.notAfter.rfc3339)"
    } catch let error as CancellationError {
      throw error
    } catch {
      return "nginx does not answer for \(place): \(CertctlError(wrapping: error).message)"
    }
  }

  /// A name by which nginx chooses this server: one of its own that the certificate covers too.
  static func probeName(_ server: NginxServer, _ target: Target) -> String? {
    let plain = server.names.filter { !$0.hasPrefix("~") && !$0.contains("$") && $0 != "_" }
      .map { name in
        name.hasPrefix("*.")
          ? "www\(name.dropFirst())" : name.hasPrefix(".") ? "\(name.dropFirst())" : name
      }
      .filter { !$0.isEmpty && !$0.hasSuffix(".*") }
    return plain.first { name in target.leaves.contains { $0.covers(name) } } ?? plain.first
      ?? target.leaves.flatMap(\.dnsNames).first { !$0.hasPrefix("*") }
  }
}
