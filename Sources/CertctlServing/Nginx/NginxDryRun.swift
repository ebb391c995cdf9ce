import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlStore
import CertctlSystem

/// Tests files and certificates with nginx before they are installed.
struct NginxDryRun: Sendable {
  let state: StateDirectory
  let environment: Environment
  /// Maps the paths of nginx to certificates.
  let paths: CertificatePaths

  /// Tests files and certificates together.
  ///
  /// - Parameters:
  ///   - changes: The planned file changes.
  ///   - targets: The certificates to serve.
  ///   - place: The nginx.
  /// - Returns: The error, with code `nginxRefused`; nil if nginx accepts them.
  /// - Throws: `CertctlError` or `HostError` if they cannot be tested; `CancellationError`.
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

  /// Returns the configuration as it would be after the changes.
  ///
  /// - Parameters:
  ///   - changes: The planned file changes.
  ///   - targets: The candidates to serve.
  ///   - place: The nginx.
  /// - Returns: The configuration, with the paths of the staged tree.
  /// - Throws: `CertctlError` with code `nginxRefused` and nginx's messages.
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
          "nginx rejects the new configuration: "
            + staged.original(
              NginxControl.complaint(result, logger: environment.console.logger)),
          hint: "fix what nginx names, then retry; nothing was changed")
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

  /// Performs test handshakes with each server's TLS settings and its future certificates.
  ///
  /// This is necessary because `nginx -t` accepts ciphers that fit none of the keys.
  ///
  /// - Parameters:
  ///   - targets: The certificates to serve.
  ///   - configuration: The configuration as it would be.
  ///   - place: The nginx.
  /// - Returns: The error if no client could connect; nil otherwise.
  /// - Throws: `CertctlError` if a certificate cannot be read.
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
        // A policy that stops only some clients can be intended.
        for finding in try await handshake(identities, policy, serverName: name) {
          environment.console.warn(
            "\(name): \(finding)" + (finding.hint.map { " (\($0))" } ?? ""))
        }
      } catch let error as CryptoError {
        return CertctlError(
          .nginxRefused,
          "the TLS settings of nginx for \(name) would reject every client: \(error)"
            + (error.hint.map { " (\($0))" } ?? ""),
          hint: "fix what nginx names, then retry; nothing was changed")
      }
    }
    return nil
  }

  /// Returns the certificates that a server would present for a target: one, or an RSA one as well.
  private func identities(
    of target: NginxDeployment.Target, _ server: NginxServer
  ) async throws -> [TLSEngine.Identity] {
    let store = CertificateStore(state: state)
    var chosen = target.candidate
    if chosen == nil { chosen = try await store.liveGeneration(target.name) }
    guard let chosen else { return [] }
    let stored = try await store.load(chosen, of: target.name)
    // Decide by the file name: the path can be that of the candidate or one that the user chose.
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

  /// Performs the handshakes; the tens of milliseconds that they take block nothing here.
  @Disk private func handshake(
    _ identities: [TLSEngine.Identity], _ policy: TLSPolicy, serverName: String
  ) throws -> [CryptoError] {
    try testHandshake(identities, policy, serverName: serverName)
  }
}

extension TLSPolicy {
  /// Creates the policy of an nginx server.
  ///
  /// - Parameters:
  ///   - server: The server, from the staged configuration.
  ///   - place: The nginx.
  ///   - staged: The staged tree, which is already removed.
  ///   - version: The version of nginx; nil if unknown.
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
      // Older versions do not enable TLS 1.3 by default.
      self.versions = [.tls10, .tls11, .tls12]
    }
  }
}
