import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// Verifies from outside that nginx serves a site as its file says.
package struct SiteProof: Sendable {
  let deployment: NginxDeployment
  let place: NginxInstallation
  let site: Site
  private let client: any HTTPClient

  package init(_ deployment: NginxDeployment, _ place: NginxInstallation, _ site: Site) {
    self.deployment = deployment
    self.place = place
    self.site = site
    client = deployment.environment.localHTTP()
  }

  private var environment: Environment { deployment.environment }
  private var proof: CertificateProof { CertificateProof(environment: environment) }

  /// The names to send requests for.
  private var hosts: [String] {
    site.hosts.map { $0.isWildcard ? "www.\($0.baseDomain)" : $0.value }
  }

  /// The prefix of the tokens of these checks.
  private static let prefix = "certctl-"

  /// Requests a new challenge response for each name.
  ///
  /// - Throws: `CertctlError` with code `deploymentFailed` if a response is wrong.
  package func challengesAnswer() async throws {
    let token =
      "certctl-"
      + (0..<4).map { _ in
        String(UInt64.random(in: 0 ... .max), radix: 36)
      }.joined()
    let folder = DurableFolder(
      path: place.hostPath("\(NginxInstallation.challenges)/.well-known/acme-challenge"), root: "/")
    try await offer(token, in: folder)
    try await withCleanup(timeout: .seconds(10)) {
      // The first round waits for the new workers. For a moment, the old ones still accept
      // connections: a CA that requests the file now would get a 404 from them.
      try await verify(token)
      try await environment.clock.sleep(CertificateProof.overlap)
      try await verify(token)
    } cleanup: { _ in
      try await withdraw(token, in: folder)
    }
  }

  @Disk private func offer(_ token: String, in folder: DurableFolder) throws {
    try folder.create(FileAttributes(mode: 0o755))
    // Tokens of an interrupted run. A CA's tokens do not have this prefix.
    for old in try folder.entries() where old.hasPrefix(Self.prefix) { try folder.remove(old) }
    try folder.write(token, Array(token.utf8), FileAttributes(mode: 0o644))
  }

  @Disk private func withdraw(_ token: String, in folder: DurableFolder) throws {
    try folder.remove(token)
  }

  /// Verifies the response for each name.
  private func verify(_ token: String) async throws {
    for host in hosts {
      try await eventually("the challenge response", host) {
        let answer = try await get("/.well-known/acme-challenge/\(token)", host)
        let body = String(decoding: answer.body.prefix(200), as: UTF8.self)
        guard answer.status == 200, body == token else {
          return "nginx returned \(answer.status) on port \(site.httpPort)"
            + (answer.status == 200 ? " with different content" : "")
        }
        return nil
      }
    }
  }

  /// Requests a page of each name over HTTP and expects a redirect to HTTPS.
  ///
  /// - Throws: `CertctlError` with code `deploymentFailed` if a response is wrong.
  package func redirects() async throws {
    for host in hosts {
      try await eventually("the redirect to HTTPS", host) {
        let answer = try await get("/certctl-probe", host)
        let target = answer.header("Location") ?? ""
        guard answer.status == 308, target.hasPrefix("https://") else {
          return "nginx returned \(answer.status) on port \(site.httpPort)"
        }
        return nil
      }
    }
  }

  /// Verifies that nginx serves the certificate on each TLS address of the site.
  ///
  /// - Parameters:
  ///   - target: The certificate.
  ///   - now: nginx with the site's files installed.
  /// - Throws: `CertctlError` with code `deploymentFailed` if an address does not serve it.
  package func serves(_ target: NginxDeployment.Target, _ now: NginxInstallation) async throws {
    let names = Set(site.hosts.map(\.value))
    let servers = now.configuration.servers.filter { server in
      server.names.contains { names.contains($0) }
        && server.listens.contains { $0.endpoint.port == site.httpsPort }
    }
    guard !servers.isEmpty else {
      throw CertctlError(
        .deploymentFailed, "the nginx configuration has no TLS server for \(site.hosts[0].value)"
      )
    }
    let use = NginxDeployment.Use(place: now, servers: [target.name: servers])
    if let reason = try await proof.failures(of: [target], by: use)[target.name] {
      throw CertctlError(.deploymentFailed, reason)
    }
  }

  /// Waits until the old workers, which still serve the site, have exited.
  ///
  /// - Parameter target: Its certificate. If another server uses it too, this returns at once.
  /// - Throws: `CertctlError` if nginx cannot be queried; `CancellationError`.
  package func stopsServing(_ target: NginxDeployment.Target) async throws {
    let now = try await deployment.place(of: place.nginx)
    let others = now.configuration.servers.flatMap(\.certificates)
    guard
      !others.contains(where: {
        deployment.paths.lineage(of: $0, for: now.nginx) == target.name.value
      })
    else { return }
    let listen = NginxServer.Listen(endpoint: Endpoint(host: "127.0.0.1", port: site.httpsPort))
    let start = ContinuousClock.now
    while ContinuousClock.now - start < CertificateProof.patience {
      let fault = try await proof.fault(
        of: target, at: listen, for: hosts[0], of: place.nginx)
      if fault != nil { return }
      try await environment.clock.sleep(.milliseconds(50))
    }
  }

  // MARK: - Requests

  private func get(_ path: String, _ host: String) async throws -> HTTPResponse {
    let listen = Endpoint(host: "127.0.0.1", port: site.httpPort)
    guard let endpoint = place.nginx.endpoint(listen) else {
      throw CertctlError(
        .configuration, "cannot reach port \(site.httpPort) of the container: it is not published",
        hint: "publish it in the compose file: ports: [\"\(site.httpPort):\(site.httpPort)\"]")
    }
    let port = site.httpPort == 80 ? "" : ":\(site.httpPort)"
    // A new connection: a kept one may still lead to an old worker.
    return try await client.send(
      HTTPRequest(
        .get, "http://\(endpoint)\(path)",
        headers: [
          HTTPField(name: "Host", value: host + port),
          HTTPField(name: "Connection", value: "close"),
        ]))
  }

  /// Waits until `body` reports no problem.
  private func eventually(
    _ what: String, _ host: String, _ body: () async throws -> String?
  ) async throws {
    var waited = Duration.zero
    var pause = Duration.milliseconds(50)
    while true {
      let complaint: String? =
        switch try await attempt(body) {
        case .success(let complaint): complaint
        case .failure(let error): error.message
        }
      guard let complaint else { return }
      guard waited < CertificateProof.patience else {
        throw CertctlError(.deploymentFailed, "cannot verify \(what) for \(host): \(complaint)")
      }
      try await environment.clock.sleep(pause)
      waited += pause
      pause = min(pause * 2, .seconds(1))
    }
  }
}
