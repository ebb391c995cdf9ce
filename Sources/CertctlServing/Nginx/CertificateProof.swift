import CertctlBase
package import CertctlCore
import CertctlCrypto
package import CertctlStore
import CertctlSystem

/// Verifies with TLS handshakes that nginx serves certificates.
package struct CertificateProof: Sendable {
  /// How long the new workers may take until they serve the new certificates.
  static let patience = Duration.seconds(15)
  /// How long the old workers may still accept connections.
  static let overlap = Duration.milliseconds(300)

  package let environment: Environment

  package init(environment: Environment) {
    self.environment = environment
  }

  /// Verifies each target on each address, after a reload.
  ///
  /// - Returns: The reason for each target that is not served.
  package func failures(
    of targets: [NginxDeployment.Target], by use: NginxDeployment.Use
  ) async throws -> [LineageName: String] {
    for target in targets.prefix(1) {
      for server in use.servers[target.name] ?? [] {
        _ = try await failure(of: target, by: server, of: use.nginx)
      }
    }
    // The first round waits for the new workers. For a moment, the old ones still accept
    // connections, so only the second round shows that they are gone.
    try await environment.clock.sleep(Self.overlap)
    var failures: [LineageName: String] = [:]
    for target in targets {
      for server in use.servers[target.name] ?? [] where failures[target.name] == nil {
        failures[target.name] = try await failure(of: target, by: server, of: use.nginx)
      }
    }
    return failures
  }

  /// Waits until each address serves the new certificate; returns the reason if one does not.
  private func failure(
    of target: NginxDeployment.Target, by server: NginxServer, of nginx: RunningNginx
  ) async throws -> String? {
    guard let name = server.probeName(for: target) else { return nil }
    for listen in server.listens {
      var waited = Duration.zero
      var pause = Duration.milliseconds(50)
      while let fault = try await fault(of: target, at: listen, for: name, of: nginx) {
        guard waited < Self.patience else { return fault }
        try await environment.clock.sleep(pause)
        waited += pause
        pause = min(pause * 2, .seconds(1))
      }
    }
    return nil
  }

  /// Returns why an address does not serve the target; nil if it does.
  package func fault(
    of target: NginxDeployment.Target, at listen: NginxServer.Listen, for name: String,
    of nginx: RunningNginx
  ) async throws -> String? {
    guard let endpoint = nginx.endpoint(listen.endpoint) else {
      return "cannot reach \(listen.endpoint) of the container: the port is not published"
    }
    let listen = NginxServer.Listen(
      endpoint: endpoint, expectsProxyHeader: listen.expectsProxyHeader)
    let place = "\(name) at \(listen.endpoint)"
    let served = try await attempt { try await ServedCertificate.chain(at: listen, for: name) }
    switch served {
    case .success(let chain):
      guard let leaf = chain.first else { return "nginx sent no certificate for \(place)" }
      if target.leaves.contains(leaf) { return nil }
      return "nginx serves a different certificate for \(place): "
        + "serial number \(leaf.serialNumber.hexadecimal), valid until \(leaf.notAfter.rfc3339)"
    case .failure(let error):
      // The detail alone, because the whole message has the address once more.
      let cause = (error.underlying as? HostError)?.detail ?? error.message
      return "cannot verify the certificate for \(place): \(cause)"
    }
  }
}

extension NginxServer {
  /// Returns a name that selects this server, preferably one that the certificate covers.
  package func probeName(for target: NginxDeployment.Target) -> String? {
    let plain = names.filter { !$0.hasPrefix("~") && !$0.contains("$") && $0 != "_" }
      .map { name in
        name.hasPrefix("*.")
          ? "www\(name.dropFirst())" : name.hasPrefix(".") ? "\(name.dropFirst())" : name
      }
      .filter { !$0.isEmpty && !$0.hasSuffix(".*") }
    return plain.first { name in target.leaves.contains { $0.covers(name) } } ?? plain.first
      ?? target.leaves.flatMap(\.dnsNames).first { !$0.hasPrefix("*") }
  }
}
