import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlServing
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The policy for a certificate that nginx uses.
package enum InUsePolicy: Sendable {
  /// Throw an error.
  case refuse
  /// Go on, even if nginx then lacks its files.
  case ignore
  /// Let nginx serve a marked, self-signed placeholder instead.
  case replaceByPlaceholder
}

/// The protection of certificates that nginx uses.
struct UseGuard: ContextPart {
  let context: Context

  /// Throws if an nginx or an enabled site uses the certificate.
  ///
  /// The caller holds the lineage's lock.
  ///
  /// - Throws: `CertctlError` with code `refused`, which names the users.
  func requireUnused(_ name: LineageName, _ policy: InUsePolicy) async throws {
    guard case .refuse = policy else { return }
    let users = try await users(of: name)
    guard !users.isEmpty else { return }
    throw CertctlError(
      .refused, "the certificate \(name) is in use by \(users.joined(separator: "; "))",
      hint: "remove it from nginx first (certctl site remove), or use --placeholder or --force")
  }

  /// Returns the descriptions of a certificate's users.
  private func users(of name: LineageName) async throws -> [String] {
    var users = try await siteStore.all()
      .filter { $0.isEnabled && $0.site.certificate == name.value }
      .map { "the site \($0.site.name)" }
    let targets = try await deployer.targets([name])
    guard !targets.isEmpty else { return users }
    let deployment = try await deployer.nginxDeployment()
    let survey = try await deployment.survey()
    if let target = targets.first,
      let unasked = await deployment.unasked(serving: target, in: survey)
    {
      users.append("perhaps an nginx that could not be checked (\(unasked.title))")
    }
    for use in await deployment.uses(of: targets, in: survey) {
      for server in use.servers[name] ?? [] {
        let names = server.names.joined(separator: " ")
        let places = server.listens.map { "\($0.endpoint)" }.joined(separator: " ")
        users.append("nginx for \(names) at \(places)")
      }
    }
    return users
  }

  /// Lets nginx serve a placeholder instead of the certificate.
  ///
  /// The caller holds the lineage's lock.
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
        .deploymentFailed, "cannot deploy a placeholder for \(name): \(reason)")
    }
    console.warn("nginx now serves a placeholder for \(name), which clients do not trust")
  }
}

extension IssuedCertificate {
  /// Creates a placeholder for these names, and one with an RSA key if servers expect two.
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
