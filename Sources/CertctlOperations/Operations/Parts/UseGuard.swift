import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlServing
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// What may be done about a certificate that nginx uses.
package enum InUsePolicy: Sendable {
  /// Nothing is done.
  case refuse
  /// nginx is left with what becomes of its files.
  case ignore
  /// nginx serves a marked, self-signed placeholder from then on.
  case replaceByPlaceholder
}

/// Keeps a certificate that nginx uses from being taken away.
struct UseGuard: ContextPart {
  let context: Context

  /// Refuses to go on as long as an nginx or an enabled site needs the certificate.
  ///
  /// The caller holds the lineage's lock.
  ///
  /// - Throws: `CertctlError` with code `refused`, naming who uses it.
  func requireUnused(_ name: LineageName, _ policy: InUsePolicy) async throws {
    guard case .refuse = policy else { return }
    let users = try await users(of: name)
    guard !users.isEmpty else { return }
    throw CertctlError(
      .refused, "the certificate \(name) is in use: \(users.joined(separator: "; "))",
      hint: "take it out of nginx first (certctl site remove, or by hand and a reload), or give "
        + "--placeholder to have nginx go on without it, or --force")
  }

  /// Who uses a certificate, in words.
  private func users(of name: LineageName) async throws -> [String] {
    var users = try await siteStore.all()
      .filter { $0.isEnabled && $0.site.certificate == name.value }
      .map { "by the site \($0.site.name)" }
    let targets = try await deployer.targets([name])
    guard !targets.isEmpty else { return users }
    let deployment = try await deployer.nginxDeployment()
    let survey = try await deployment.survey()
    if let target = targets.first,
      let unasked = await deployment.unasked(serving: target, in: survey)
    {
      users.append("perhaps by an nginx that was not asked (\(unasked.title))")
    }
    for use in await deployment.uses(of: targets, in: survey) {
      for server in use.servers[name] ?? [] {
        let names = server.names.joined(separator: " ")
        let places = server.listens.map { "\($0.endpoint)" }.joined(separator: " ")
        users.append("nginx serves it for \(names) at \(places)")
      }
    }
    return users
  }

  /// Makes nginx serve a placeholder instead of the certificate; the caller holds the lineage's
  /// lock.
  func replaceByPlaceholder(_ name: LineageName) async throws {
    let current = try await certificatesInUse.inUse(name)
    let names = current.leaf.dnsNames + current.leaf.ipAddresses
    let files = try await lineages.lineage(name)?.settings.files ?? FileSettings()
    let placeholder = try await IssuedCertificate.placeholder(
      for: names, hasRSA: current.rsa != nil)
    let generation = try await certificates.commit(placeholder, to: name, files: files)
    let lock = try await context.deploymentLock()
    defer { lock.release() }
    try await deployer.recover()
    let target = NginxDeployment.Target(
      name: name,
      leaves: try await certificates.loadLeaves(generation, of: name),
      candidate: generation, hasOther: true)
    if case .failed(let reason) = try await deployer.nginxDeployment().deploy([target])[name] {
      throw CertctlError(
        .deploymentFailed, "nginx could not be made to use a placeholder for \(name): \(reason)",
        hint: "nothing else was done")
    }
    console.warn("nginx serves a placeholder for \(name), which no client trusts")
  }
}

extension IssuedCertificate {
  /// A placeholder for these names, with another one for RSA where servers expect two.
  static func placeholder(for names: [String], hasRSA: Bool) async throws -> IssuedCertificate {
    let key = try await PrivateKey.generating(.ec256)
    var rsa: RSACertificate?
    if hasRSA {
      let other = try await PrivateKey.generating(.rsa2048)
      rsa = RSACertificate(
        chain: [try PlaceholderCertificate.make(for: names, key: other)], key: other)
    }
    return IssuedCertificate(
      chain: [try PlaceholderCertificate.make(for: names, key: key)], key: key, rsa: rsa)
  }
}
