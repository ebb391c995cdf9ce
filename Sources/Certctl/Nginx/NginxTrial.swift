import FoundationEssentials
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
      try deployment.state.create()
      try deployment.state.folder("cache").create(StateDirectory.closed)
      try staged.make(changes) { candidate(for: $0, targets, place.nginx) }
    }
    do {
      let result = try await deployment.services.runner.run(
        place.nginx.dump(configuration: staged.main))
      try await Blocking.run { try staged.remove() }
      guard result.succeeded, let configuration = NginxConfiguration(dump: result.output) else {
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
  /// - Returns: What does not fit; nil when all does.
  func rehearsal(
    _ targets: [NginxDeployment.Target], _ configuration: NginxConfiguration, at place: NginxPlace
  ) async throws -> String? {
    nil
  }
}
