import CertctlBase
package import CertctlCore
import CertctlCrypto
package import CertctlStore
import CertctlSystem

/// Looks by handshakes whether nginx serves certificates.
package struct CertificateProof: Sendable {
  /// How long the new workers may take to serve what they have loaded.
  static let patience = Duration.seconds(15)
  /// How long old workers may go on taking connections beside the new ones.
  static let overlap = Duration.milliseconds(300)

  package let environment: Environment

  package init(environment: Environment) {
    self.environment = environment
  }

  /// Looks at each address for each target, after a reload.
  ///
  /// - Returns: Why it is not served, for each one that is not.
  package func failures(
    of targets: [NginxDeployment.Target], by use: NginxDeployment.Use
  ) async throws -> [LineageName: String] {
    for target in targets.prefix(1) {
      for server in use.servers[target.name] ?? [] {
        _ = try await failure(of: target, by: server, of: use.nginx)
      }
    }
    // The first round waits for the new workers; for a moment the old ones take connections
    // beside them, so that only the second round proves that they are gone.
    try await environment.clock.sleep(Self.overlap)
    var failures: [LineageName: String] = [:]
    for target in targets {
      for server in use.servers[target.name] ?? [] where failures[target.name] == nil {
        failures[target.name] = try await failure(of: target, by: server, of: use.nginx)
      }
    }
    return failures
  }

  /// Looks until the new certificate is served at each address; returns why it is not.
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

  /// Why one address does not serve the target now; nil when it does.
  package func fault(
    of target: NginxDeployment.Target, at listen: NginxServer.Listen, for name: String,
    of nginx: RunningNginx
  ) async throws -> String? {
    guard let endpoint = nginx.endpoint(listen.endpoint) else {
      return "this host does not reach \(listen.endpoint) of the container: publish the port"
    }
    let listen = NginxServer.Listen(
      endpoint: endpoint, expectsProxyHeader: listen.expectsProxyHeader)
    let place = "\(name) at \(listen.endpoint)"
    let served = try await attempt { try await ServedCertificate.chain(at: listen, for: name) }
    switch served {
    case .success(let chain):
      guard let leaf = chain.first else { return "nginx shows no certificate for \(place)" }
      if target.leaves.contains(leaf) { return nil }
      return "nginx serves another certificate for \(place): "
        + "\(leaf.serialNumber.hexadecimal), valid until \(leaf.notAfter.rfc3339)"
    case .failure(let error):
      return "nginx does not answer for \(place): \(error.message)"
    }
  }
}

extension NginxServer {
  /// A name by which nginx chooses this server: one of its own that the certificate covers too.
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
