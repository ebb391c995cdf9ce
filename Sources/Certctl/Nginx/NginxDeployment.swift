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

/// Makes the nginx of this host serve certificates, and proves that it does.
struct NginxDeployment: Sendable {
  /// How long the new workers may take to serve what they have loaded.
  static let patience = Duration.seconds(15)
  /// How long old workers may go on taking connections beside the new ones.
  static let overlap = Duration.milliseconds(300)

  let state: StateDirectory
  let services: Services

  /// A lineage, and the certificate that is to be served for it.
  struct Target: Sendable {
    let name: LineageName
    /// The leaf; two where there is an RSA certificate beside the ECDSA one.
    let leaves: [Certificate]
  }

  /// What one nginx has to do with the targets.
  struct Use: Sendable {
    let nginx: RunningNginx
    /// The servers that serve a target, by lineage.
    let servers: [LineageName: [NginxServer]]
  }

  /// Tests the configuration, reloads once, and looks at each address for each target.
  ///
  /// An nginx that uses none of the targets is left alone, and so is one that this user may not ask.
  ///
  /// - Returns: What came of those that an nginx uses.
  /// - Throws: `CancellationError`.
  func deploy(_ targets: [Target]) async throws -> [LineageName: ServerAnswer] {
    var answers: [LineageName: ServerAnswer] = [:]
    for use in try await uses(of: targets) where !use.servers.isEmpty {
      let concerned = targets.filter { use.servers[$0.name] != nil }
      if let failure = try await reload(use.nginx) {
        for target in concerned { answers[target.name] = .failed(failure) }
        continue
      }
      // One that failed at another nginx stays failed.
      answers.merge(try await prove(concerned, by: use)) { $0 == .served ? $1 : $0 }
    }
    return answers
  }

  /// Looks at each address for each target, after a reload.
  func prove(_ targets: [Target], by use: Use) async throws -> [LineageName: ServerAnswer] {
    for target in targets.prefix(1) {
      for server in use.servers[target.name] ?? [] {
        _ = try await proof(of: target, by: server)
      }
    }
    // The first round waits for the new workers; for a moment the old ones take connections
    // beside them, so that only the second round proves that they are gone.
    try await services.clock.sleep(Self.overlap)
    var answers: [LineageName: ServerAnswer] = [:]
    for target in targets {
      var failure: String?
      for server in use.servers[target.name] ?? [] where failure == nil {
        failure = try await proof(of: target, by: server)
      }
      answers[target.name] = failure.map { .failed($0) } ?? .served
    }
    return answers
  }

  // MARK: - Who uses what

  /// The nginx that run here, each with the servers that use a target.
  func uses(of targets: [Target]) async throws -> [Use] {
    guard !targets.isEmpty else { return [] }
    return try await allUses(of: targets)
  }

  /// The same, asked although there is nothing to be served.
  func allUses(of targets: [Target]) async throws -> [Use] {
    let find = services.findNginx
    let running = try await Blocking.run { find() }
    var uses: [Use] = []
    for nginx in running {
      let configuration: NginxConfiguration
      do {
        configuration = try await self.configuration(
          of: nginx, try await services.runner.run(nginx.dump))
      } catch let error as CancellationError {
        throw error
      } catch {
        services.logger.info("\(nginx.executable) cannot be asked: \(error)")
        continue
      }
      let found = try await Blocking.run { servers(of: configuration, using: targets) }
      uses.append(Use(nginx: nginx, servers: found))
    }
    return uses
  }

  /// What `nginx -T` printed, or, as it prints nothing of what it refuses, the files themselves.
  private func configuration(
    of nginx: RunningNginx, _ result: CommandResult
  ) async throws -> NginxConfiguration {
    if let configuration = NginxConfiguration(dump: result.output) { return configuration }
    let path: String
    if let given = nginx.configurationFile {
      path = given
    } else {
      path = RunningNginx.builtIn(try await services.runner.run(nginx.version).output)
    }
    return try await Blocking.run { NginxConfiguration(reading: path) }
  }

  private func servers(
    of configuration: NginxConfiguration, using targets: [Target]
  ) -> [LineageName: [NginxServer]] {
    var found: [LineageName: [NginxServer]] = [:]
    let live = "\(state.live.path)/"
    let archive = "\(Self.resolved(state.folder("archive").path))/"
    for server in configuration.servers {
      for path in server.certificates {
        // By its name, or by links of the user's own that lead here.
        let resolved = Self.resolved(path)
        let name =
          path.hasPrefix(live)
          ? path.dropFirst(live.count)
          : resolved.hasPrefix(archive) ? resolved.dropFirst(archive.count) : ""
        guard let word = name.split(separator: "/").first,
          let target = targets.first(where: { $0.name.value == word })
        else { continue }
        found[target.name, default: []].append(server)
      }
    }
    return found
  }

  private static func resolved(_ path: String) -> String {
    URL(filePath: path).resolvingSymlinksInPath().path
  }

  // MARK: - Reload

  /// Tests the configuration, and lets nginx load it; returns why that failed, if it did.
  func reload(_ nginx: RunningNginx) async throws -> String? {
    services.progress(.reloading("nginx"))
    return try await run([nginx.test, nginx.reload])
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

  private static func firstLines(_ output: String) -> String {
    let lines = output.split(separator: "\n").prefix(3).map(String.init)
    return lines.isEmpty ? "it said nothing" : lines.joined(separator: " ")
  }

  // MARK: - Proof

  /// Looks until the new certificate is served at each address; returns why it is not.
  private func proof(of target: Target, by server: NginxServer) async throws -> String? {
    guard let name = Self.probeName(server, target) else { return nil }
    for listen in server.listens {
      var waited = Duration.zero
      var pause = Duration.milliseconds(50)
      while let fault = try await fault(of: target, at: listen, for: name) {
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
    of target: Target, at listen: NginxServer.Listen, for name: String
  ) async throws -> String? {
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
