import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// Looks from outside whether nginx does for a site what its file says.
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

  /// The names that a request can be made for.
  private var hosts: [String] {
    site.hosts.map { $0.isWildcard ? "www.\($0.baseDomain)" : $0.value }
  }

  /// What the names of our own tokens begin with.
  private static let prefix = "certctl-"

  /// Fetches a fresh answer to a challenge, for each name.
  ///
  /// - Throws: `CertctlError` with code `deploymentFailed` when another answer comes.
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
      // The first round waits for the new workers; for a moment the old ones take connections beside
      // them, and a CA that asks at once would get their 404.
      try await see(token)
      try await environment.clock.sleep(CertificateProof.overlap)
      try await see(token)
    } cleanup: { _ in
      try await withdraw(token, in: folder)
    }
  }

  @Disk private func offer(_ token: String, in folder: DurableFolder) throws {
    try folder.create(FileAttributes(mode: 0o755))
    // What a run left that was cut short; the CA's tokens do not look like it.
    for old in try folder.entries() where old.hasPrefix(Self.prefix) { try folder.remove(old) }
    try folder.write(token, Array(token.utf8), FileAttributes(mode: 0o644))
  }

  @Disk private func withdraw(_ token: String, in folder: DurableFolder) throws {
    try folder.remove(token)
  }

  /// Sees the answer come for each name.
  private func see(_ token: String) async throws {
    for host in hosts {
      try await eventually("the answer to a challenge", host) {
        let answer = try await get("/.well-known/acme-challenge/\(token)", host)
        let body = String(decoding: answer.body.prefix(200), as: UTF8.self)
        guard answer.status == 200, body == token else {
          return "nginx answers \(answer.status) on port \(site.httpPort)"
            + (answer.status == 200 ? " with something else" : "")
        }
        return nil
      }
    }
  }

  /// Asks each name for a page over plain HTTP: the way to HTTPS must be the answer.
  ///
  /// - Throws: `CertctlError` with code `deploymentFailed` when another answer comes.
  package func redirects() async throws {
    for host in hosts {
      try await eventually("the redirect to HTTPS", host) {
        let answer = try await get("/certctl-probe", host)
        let target = answer.header("Location") ?? ""
        guard answer.status == 308, target.hasPrefix("https://") else {
          return "nginx answers \(answer.status) on port \(site.httpPort)"
        }
        return nil
      }
    }
  }

  /// Sees each TLS address of the site serve the certificate.
  ///
  /// - Parameters:
  ///   - target: The certificate.
  ///   - now: nginx with the site's files in place.
  /// - Throws: `CertctlError` with code `deploymentFailed` when one does not.
  package func serves(_ target: NginxDeployment.Target, _ now: NginxInstallation) async throws {
    let names = Set(site.hosts.map(\.value))
    let servers = now.configuration.servers.filter { server in
      server.names.contains { names.contains($0) }
        && server.listens.contains { $0.endpoint.port == site.httpsPort }
    }
    guard !servers.isEmpty else {
      throw CertctlError(
        .deploymentFailed, "nginx has no TLS server for \(site.hosts[0].value) in its configuration"
      )
    }
    let use = NginxDeployment.Use(place: now, servers: [target.name: servers])
    if let reason = try await proof.failures(of: [target], by: use)[target.name] {
      throw CertctlError(.deploymentFailed, reason)
    }
  }

  /// Waits until the old workers are gone, who still serve the site.
  ///
  /// - Parameter target: Its certificate. Where another server has it too, nothing is waited for.
  /// - Throws: `CertctlError` when nginx cannot be asked; `CancellationError`.
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
        .configuration, "this host does not reach port \(site.httpPort) of the container",
        hint: "publish it: ports: [\"\(site.httpPort):\(site.httpPort)\"]")
    }
    let port = site.httpPort == 80 ? "" : ":\(site.httpPort)"
    // A connection of its own: one that is kept open may end at a worker of yesterday.
    return try await client.send(
      HTTPRequest(
        .get, "http://\(endpoint)\(path)",
        headers: [
          HTTPField(name: "Host", value: host + port),
          HTTPField(name: "Connection", value: "close"),
        ]))
  }

  /// Waits until `body` has nothing to complain of any more.
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
        throw CertctlError(.deploymentFailed, "\(what) for \(host) does not come: \(complaint)")
      }
      try await environment.clock.sleep(pause)
      waited += pause
      pause = min(pause * 2, .seconds(1))
    }
  }
}
