import ACME
import CertctlBase
package import CertctlCore
import CertctlCrypto
package import CertctlIssuing
package import CertctlServing
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The options of `site add`.
package struct SiteRequest: Sendable {
  /// The site.
  package var site: Site
  /// The directory of nginx's main file on this host; nil for the only nginx, or `/etc/nginx`.
  package var nginxFolder: String?
  /// The container that nginx runs in; nil for this host.
  package var container: String?
  /// The directory on this host for copies of the certificates, which nginx then uses.
  package var copy: String?
  /// The settings for getting a certificate if the site has none.
  package var overrides: SettingsOverrides
  /// The data for registering an account.
  package var registration: Registration
  /// Whether to overwrite files that were edited by hand.
  package var force: Bool

  /// Creates a request for a site.
  package init(
    site: Site, nginxFolder: String? = nil, container: String? = nil,
    copy: String? = nil, overrides: SettingsOverrides = .init(),
    registration: Registration = .init(),
    force: Bool = false
  ) {
    self.site = site
    self.nginxFolder = nginxFolder
    self.container = container
    self.copy = copy
    self.overrides = overrides
    self.registration = registration
    self.force = force
  }
}

/// An operation that writes a site, gets its certificate if necessary, and verifies both in nginx.
///
/// Without a certificate, nginx first serves only the responses to challenges, so that the
/// certificate can be issued through it. If anything fails, nginx keeps its previous files.
///
/// - Returns: The site.
/// - Throws: `CertctlError`; `CancellationError`.
package struct AddSiteOperation: Operation {
  package var request: SiteRequest

  package init(_ request: SiteRequest) {
    self.request = request
  }

  package func run(in context: Context) async throws -> SiteReport {
    try await Run(context: context).addSite(request)
  }

  private struct Run: ContextPart {
    let context: Context

    func addSite(_ request: SiteRequest) async throws -> SiteReport {
      var site = request.site
      let name = try LineageName(site.certificate)
      try await deployer.recoverIfNeeded()
      let place = try await places.nginxPlace(
        folder: request.nginxFolder, container: request.container, for: request)
      try await places.checkFiles(of: site, at: place)
      let known = try await siteStore.record(request.site.name)
      site = try site.startingHSTS(at: environment.clock.now(), after: known?.site)
      let record = SiteRecord(
        site: site,
        place: SitePlace(
          folder: place.hostFolder, container: request.container, copy: request.copy),
        added: known?.added ?? environment.clock.now())
      if let known, !known.place.isSameNginx(as: record.place) {
        throw CertctlError(
          .refused, "the site \(site.name) belongs to the nginx in \(known.place.folder)",
          hint: "to move it, first run: certctl site remove \(site.name)")
      }
      guard try await sites.hasCertificate(for: site) else {
        try await issue(for: request, record, name, at: place)
        return try await ShowSiteOperation(site.name).run(in: context)
      }
      try await sites.install(
        record, .complete(isDual: try await sites.isDual(name)), request.force)
      return try await ShowSiteOperation(site.name).run(in: context)
    }

    /// Gets a certificate through nginx, then installs the complete site.
    private func issue(
      for request: SiteRequest, _ record: SiteRecord, _ name: LineageName,
      at place: NginxInstallation
    ) async throws {
      let site = record.site
      var overrides = request.overrides
      let isThroughNginx =
        overrides.challenge ?? .http01 == .http01 && overrides.httpPort == nil
        && overrides.webroot == nil && overrides.dns.provider == nil
      // With a certificate for other names, the site may already exist.
      let hasOther = try await certificates.liveGeneration(name) != nil
      if isThroughNginx {
        // Wildcards are validated with the configured DNS provider, if any.
        if !site.hosts.contains(where: \.isWildcard) { overrides.challenge = .http01 }
        overrides.webroot = place.hostPath(NginxInstallation.challenges)
        let stage: SiteRenderer.Stage =
          hasOther ? .complete(isDual: try await sites.isDual(name)) : .challengeOnly
        try await sites.install(record, stage, request.force)
      }
      do {
        let issued = try await lineages.lineage(name)?.settings.names ?? []
        let names = issued + site.hosts.filter { !issued.contains($0) }
        _ = try await IssueOperation(
          IssueRequest(
            names: names, lineage: name, overrides: overrides, registration: request.registration)
        ).run(in: context)
        try await sites.install(
          record, .complete(isDual: try await sites.isDual(name)), request.force)
      } catch {
        // A site without a certificate is useless. Remove it even after Ctrl-C.
        if isThroughNginx, !hasOther {
          try? await Task { try await sites.withdraw(record) }.value
        }
        throw error
      }
    }
  }
}
