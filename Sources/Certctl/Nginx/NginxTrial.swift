import CertctlBase
import HostIO
import PKI

/// What nginx says of certificates, or of files, that are not yet in place.
struct NginxTrial: Sendable {
  let deployment: NginxDeployment

  init(_ deployment: NginxDeployment) { self.deployment = deployment }

  /// Tries the candidates: all at once, and one by one when that fails, so that one that is bad
  /// holds up no other.
  ///
  /// - Returns: Why it is refused, for each one that is.
  func refusals(
    _ targets: [NginxDeployment.Target], by use: NginxDeployment.Use
  ) async throws -> [LineageName: String] {
    guard !targets.isEmpty, let reason = try await refusal(targets, by: use) else { return [:] }
    var refusals: [LineageName: String] = [:]
    for target in targets where targets.count > 1 {
      refusals[target.name] = try await refusal([target], by: use)
    }
    let rest = targets.filter { refusals[$0.name] == nil }
    let still = rest.count < targets.count ? try await refusal(rest, by: use) : reason
    if let still { for target in rest { refusals[target.name] = still } }
    return refusals
  }

  private func refusal(
    _ targets: [NginxDeployment.Target], by use: NginxDeployment.Use
  ) async throws -> String? {
    guard !targets.isEmpty else { return nil }
    do {
      let configuration = try await configuration(after: [], targets, at: use.place)
      return try await rehearsal(targets, configuration, at: use.place)
    } catch let error as CertctlError where error.code == .nginxRefused {
      return error.message
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
  func configuration(
    after changes: [FileChange], _ targets: [NginxDeployment.Target], at place: NginxPlace
  ) async throws -> NginxConfiguration {
    let staged = StagedConfiguration(place, state: deployment.state)
    try await Blocking.run {
      try place.requireInside(changes)
      try deployment.state.create()
      try deployment.state.folder("cache").create(StateDirectory.closed)
      try staged.make(changes) { candidate(for: $0, targets, place.nginx) }
    }
    do {
      let result = try await deployment.services.runner.run(
        place.nginx.dump(configuration: staged.main))
      let isOnHost = place.nginx.container == nil && place.nginx.mainFile != nil
      let read = try await Blocking.run {
        let configuration = isOnHost ? NginxConfiguration(reading: staged.main) : nil
        try staged.remove()
        return configuration
      }
      guard result.succeeded, let configuration = read ?? NginxConfiguration(dump: result.output)
      else {
        throw CertctlError(
          .nginxRefused,
          "nginx refuses the configuration: "
            + NginxDeployment.firstLines(staged.original(result.output)),
          hint: "nothing was changed")
      }
      return configuration
    } catch {
      try? await Blocking.run { try staged.remove() }
      throw error
    }
  }

  /// The path, as nginx sees it, at which the candidate for a certificate's path lies.
  private func candidate(
    for path: String, _ targets: [NginxDeployment.Target], _ nginx: RunningNginx
  ) -> String? {
    guard let name = deployment.lineage(of: path, for: nginx),
      let target = targets.first(where: { $0.name.value == name }),
      let generation = target.candidate, let hostPath = nginx.hostPath(path)
    else { return nil }
    // A copy is replaced by itself: there is none of the candidate yet.
    if deployment.copies.contains(where: { $0.lineage(of: hostPath) != nil }) { return nil }
    let live = "\(deployment.state.live.path)/\(name)/"
    let file: Substring
    if hostPath.hasPrefix(live) {
      file = hostPath.dropFirst(live.count)
    } else {
      // archive/<name>/0007/rsa/privkey.pem
      let resolved = NginxDeployment.resolved(hostPath)
      let archive = NginxDeployment.resolved(deployment.state.archive(target.name).path)
      let rest = resolved.dropFirst(archive.count + 1)
      file = rest.drop { $0 != "/" }.dropFirst()
    }
    let folder = "\(deployment.state.archive(target.name).path)/\(generation.folderName)"
    return nginx.serverPath("\(folder)/\(file)")
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
  func rehearsal(
    _ targets: [NginxDeployment.Target], _ configuration: NginxConfiguration, at place: NginxPlace
  ) async throws -> String? {
    let staged = StagedConfiguration(place, state: deployment.state)
    let version = try? await deployment.services.runner.run(place.nginx.version)
    let number = version.flatMap { NginxBuild(versionOutput: $0.output)?.version }
    for server in configuration.servers {
      let names = Set(
        server.certificates.compactMap { deployment.lineage(of: $0, for: place.nginx) })
      guard let target = targets.first(where: { names.contains($0.name.value) }) else { continue }
      let fault: String? = try await Blocking.run {
        let policy = TLSPolicy(server, at: place, staged, number)
        let identities = try identities(of: target, server, place.nginx)
        guard !identities.isEmpty else { return nil }
        let name = NginxDeployment.probeName(server, target) ?? target.name.value
        do {
          // What stops only some clients is the operator's business.
          for finding in try rehearse(identities, policy, serverName: name) {
            deployment.services.warn("\(name): \(finding)")
          }
          return nil
        } catch let error as PKIError {
          return "with the TLS settings of nginx for \(name), no client could connect: \(error)"
        }
      }
      if let fault { return fault }
    }
    return nil
  }

  /// What a server would show of a target: its certificate, or both, if it has two.
  private func identities(
    of target: NginxDeployment.Target, _ server: NginxServer, _ nginx: RunningNginx
  ) throws -> [TLSEngine.Identity] {
    let store = CertificateStore(state: deployment.state)
    guard let generation = try target.candidate ?? store.liveGeneration(target.name) else {
      return []
    }
    let stored = try store.load(generation, of: target.name)
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
}

extension TLSPolicy {
  /// What an nginx server says.
  ///
  /// - Parameters:
  ///   - server: The server, as the configuration has it in which it was tried.
  ///   - place: The nginx.
  ///   - staged: The tree of that trial, which is gone by now.
  ///   - version: The nginx's version; nil when it is not known.
  init(
    _ server: NginxServer, at place: NginxPlace, _ staged: StagedConfiguration,
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
