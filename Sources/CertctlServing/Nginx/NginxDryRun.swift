import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlStore
import CertctlSystem

/// What nginx says of certificates, or of files, that are not yet in place.
struct NginxDryRun: Sendable {
  let state: StateDirectory
  let environment: Environment
  /// Which certificate a path of nginx's leads to.
  let paths: CertificatePaths

  /// Tries files and certificates together.
  ///
  /// - Parameters:
  ///   - changes: The files that would change.
  ///   - targets: The certificates that would be in use.
  ///   - place: The nginx.
  /// - Returns: Why they are refused, with code `nginxRefused`; nil when they are not.
  /// - Throws: `CertctlError` or `HostError` when they cannot be tried; `CancellationError`.
  func refusal(
    of changes: [FileChange], _ targets: [NginxDeployment.Target], at place: NginxInstallation
  ) async throws -> CertctlError? {
    do {
      let configuration = try await configuration(after: changes, targets, at: place)
      return try await test(targets, configuration, at: place)
    } catch let error as CertctlError where error.code == .nginxRefused {
      return error
    }
  }

  /// The configuration as it would be.
  ///
  /// - Parameters:
  ///   - changes: The files that would change.
  ///   - targets: The candidates that would be in use.
  ///   - place: The nginx.
  /// - Returns: What nginx would read; its paths are those of the tree in which it was tried.
  /// - Throws: `CertctlError` with code `nginxRefused` and nginx's own words.
  private func configuration(
    after changes: [FileChange], _ targets: [NginxDeployment.Target], at place: NginxInstallation
  ) async throws -> NginxConfiguration {
    let staged = StagedConfiguration(place, state: state)
    try await state.create()
    try await make(staged, changes, targets)
    do {
      let result = try await place.nginx.dump(configuration: staged.main)
        .run(by: environment.runner)
      let isOnHost = place.nginx.container == nil && place.nginx.mainFile != nil
      let read = isOnHost ? await NginxConfiguration(reading: staged.main) : nil
      try await staged.remove()
      guard result.succeeded, let configuration = read ?? NginxConfiguration(dump: result.output)
      else {
        throw CertctlError(
          .nginxRefused,
          "nginx refuses the configuration: "
            + staged.original(
              NginxControl.complaint(result, logger: environment.console.logger)),
          hint: "nothing was changed")
      }
      return configuration
    } catch {
      try? await staged.remove()
      throw error
    }
  }

  @Disk private func make(
    _ staged: StagedConfiguration, _ changes: [FileChange], _ targets: [NginxDeployment.Target]
  ) throws {
    try staged.place.requireInside(changes)
    try state.folder("cache").create(StateDirectory.closed)
    try staged.make(changes) { paths.candidate(for: $0, among: targets, of: staged.place.nginx) }
  }

  // MARK: - Handshakes in memory

  /// Lets each server's protocols and ciphers shake hands with the certificates that it would have:
  /// `nginx -t` accepts ciphers that fit no key that is there.
  ///
  /// - Parameters:
  ///   - targets: The certificates that would be in use.
  ///   - configuration: What nginx would read.
  ///   - place: The nginx.
  /// - Returns: What does not fit; nil when all does.
  /// - Throws: `CertctlError` when a certificate cannot be read.
  private func test(
    _ targets: [NginxDeployment.Target], _ configuration: NginxConfiguration,
    at place: NginxInstallation
  ) async throws -> CertctlError? {
    guard !targets.isEmpty else { return nil }
    let staged = StagedConfiguration(place, state: state)
    let version = try? await place.nginx.version.run(by: environment.runner)
    let number = version.flatMap { NginxBuild(versionOutput: $0.output)?.version }
    for server in configuration.servers {
      guard let target = await paths.target(of: server, among: targets, at: place.nginx) else {
        continue
      }
      let identities = try await identities(of: target, server)
      guard !identities.isEmpty else { continue }
      let policy = await TLSPolicy(server, at: place, staged, number)
      let name = server.probeName(for: target) ?? target.name.value
      do {
        // What stops only some clients is the operator's business.
        for finding in try await handshake(identities, policy, serverName: name) {
          environment.console.warn(
            "\(name): \(finding)" + (finding.hint.map { " (\($0))" } ?? ""))
        }
      } catch let error as CryptoError {
        return CertctlError(
          .nginxRefused,
          "with the TLS settings of nginx for \(name), no client could connect: \(error)"
            + (error.hint.map { " (\($0))" } ?? ""),
          hint: "nothing was changed")
      }
    }
    return nil
  }

  /// What a server would show of a target: its certificate, or both, if it has two.
  private func identities(
    of target: NginxDeployment.Target, _ server: NginxServer
  ) async throws -> [TLSEngine.Identity] {
    let store = CertificateStore(state: state)
    var chosen = target.candidate
    if chosen == nil { chosen = try await store.liveGeneration(target.name) }
    guard let chosen else { return [] }
    let stored = try await store.load(chosen, of: target.name)
    // By the file's name: the path is that of the candidate, or one of the user's own.
    let hasRSA = server.certificates.contains { $0.contains("/rsa/") }
    let hasMain = server.certificates.contains { !$0.contains("/rsa/") }
    var identities: [TLSEngine.Identity] = []
    if hasMain || !hasRSA, let key = stored.key {
      identities.append(try TLSEngine.Identity(chain: stored.chain, key: key))
    }
    if hasRSA, let rsa = stored.rsa {
      identities.append(try TLSEngine.Identity(chain: rsa.chain, key: rsa.key))
    }
    return identities
  }

  /// Tens of milliseconds of arithmetic, which hold up nothing there.
  @Disk private func handshake(
    _ identities: [TLSEngine.Identity], _ policy: TLSPolicy, serverName: String
  ) throws -> [CryptoError] {
    try testHandshake(identities, policy, serverName: serverName)
  }
}

extension TLSPolicy {
  /// What an nginx server says.
  ///
  /// - Parameters:
  ///   - server: The server, as the configuration has it in which it was tried.
  ///   - place: The nginx.
  ///   - staged: The tree of that trial, which is gone by now.
  ///   - version: The nginx's version; nil when it is not known.
  @Disk init(
    _ server: NginxServer, at place: NginxInstallation, _ staged: StagedConfiguration,
    _ version: NginxVersion?
  ) {
    let parameters = server.policy["ssl_dhparam"]?.first.flatMap { path -> [UInt8]? in
      let original = staged.original(path)
      let whole = original.hasPrefix("/") ? original : place.path(original)
      return place.nginx.hostPath(whole).flatMap { RegularFile.read($0) }
    }
    self.init(
      ciphers: server.policy["ssl_ciphers"]?.first, groups: server.policy["ssl_ecdh_curve"]?.first,
      dhParameters: parameters)
    let versions = (server.policy["ssl_protocols"] ?? []).compactMap { TLSVersion(directive: $0) }
    if !versions.isEmpty {
      self.versions = Set(versions)
    } else if let version, version < NginxVersion(1, 23, 4) {
      // TLS 1.3 was not among its defaults before.
      self.versions = [.tls10, .tls11, .tls12]
    }
  }
}
