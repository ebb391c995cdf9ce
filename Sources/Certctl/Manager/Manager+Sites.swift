import ACME
import CertctlBase
import FoundationEssentials
import HostIO
import PKI

/// What a user asks of `site add`.
public struct SiteRequest: Sendable {
  /// The site.
  public var site: Site
  /// The folder of nginx's main file, as this host sees it; nil for the only nginx, or Debian's.
  public var nginxFolder: String?
  /// The container that nginx runs in; nil for this host.
  public var container: String?
  /// The folder, on this host, of copies of the certificates that nginx is to use instead.
  public var copy: String?
  /// How to get a certificate, should there be none for the site.
  public var overrides: SettingsOverrides
  /// How to register an account for that.
  public var registration: Registration
  /// Write files anew that were changed by hand.
  public var force: Bool

  /// A request for a site.
  public init(
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

extension Manager {
  var siteStore: SiteStore { SiteStore(state: state) }

  /// Writes a site, gets its certificate if there is none, has nginx load both, and proves it.
  ///
  /// On a machine without a certificate nginx first serves the answers to challenges only, so that the
  /// certificate can be had through it. Whatever fails, nginx goes on with the files that it had.
  ///
  /// - Returns: The site.
  /// - Throws: `CertctlError`; `CancellationError`.
  public func addSite(_ request: SiteRequest) async throws -> SiteReport {
    try await wrapped {
      var site = request.site
      let name = try LineageName(site.certificate)
      try await recoverIfNeeded()
      let place = try await nginxPlace(
        folder: request.nginxFolder, container: request.container, for: request)
      try await checkFiles(of: site, at: place)
      let known = try await Blocking.run { try siteStore.record(request.site.name) }
      site = try site.startingHSTS(at: services.clock.now(), after: known?.site)
      let record = SiteRecord(
        site: site,
        place: SitePlace(
          folder: place.hostFolder, container: request.container, copy: request.copy),
        added: known?.added ?? services.clock.now())
      if let known, !known.place.isSameNginx(as: record.place) {
        throw CertctlError(
          .refused, "\(site.name) is a site of another nginx: \(known.place.folder)",
          hint: "remove it there: certctl site remove \(site.name)")
      }
      guard try await hasCertificate(for: site) else {
        try await issue(for: request, record, known, name, at: place)
        return try await self.site(site.name)
      }
      try await put(record, .complete(isDual: try await isDual(name)), request.force)
      return try await self.site(site.name)
    }
  }

  // MARK: - The certificate

  /// Whether there is a certificate in use for all hosts of a site.
  private func hasCertificate(for site: Site) async throws -> Bool {
    let name = try LineageName(site.certificate)
    let now = services.clock.now()
    return try await Blocking.run {
      guard let live = try certificates.liveGeneration(name) else { return false }
      let leaf = try certificates.loadLeaves(live, of: name)[0]
      return leaf.notAfter > now && !leaf.isPlaceholder
        && site.hosts.allSatisfy { leaf.covers($0.value) }
    }
  }

  private func isDual(_ name: LineageName) async throws -> Bool {
    try await Blocking.run {
      guard let live = try certificates.liveGeneration(name) else { return false }
      return try certificates.loadLeaves(live, of: name).count > 1
    }
  }

  /// Gets a certificate through nginx, and then makes the site whole.
  private func issue(
    for request: SiteRequest, _ record: SiteRecord, _ known: SiteRecord?, _ name: LineageName,
    at place: NginxPlace
  ) async throws {
    let site = record.site
    var overrides = request.overrides
    let isThroughNginx =
      overrides.challenge ?? .http01 == .http01 && overrides.httpPort == nil
      && overrides.webroot == nil && overrides.dns.provider == nil
    // With a certificate for other names the site can be there already.
    let hasOther = try await Blocking.run { try certificates.liveGeneration(name) != nil }
    if isThroughNginx {
      // Wildcards are proved by the provider of the configuration file, if there is one.
      if !site.hosts.contains(where: \.isWildcard) { overrides.challenge = .http01 }
      overrides.webroot = place.hostPath(SiteFiles.challenges)
      let stage: SiteRenderer.Stage =
        hasOther ? .complete(isDual: try await isDual(name)) : .challengeOnly
      try await put(record, stage, request.force)
    }
    do {
      let issued = try await Blocking.run { try lineages.lineage(name)?.settings.names ?? [] }
      let names = issued + site.hosts.filter { !issued.contains($0) }
      _ = try await issue(
        IssueRequest(
          names: names, lineage: name, overrides: overrides, registration: request.registration))
      try await put(record, .complete(isDual: try await isDual(name)), request.force)
    } catch {
      // Nobody is served by a site without a certificate. After Ctrl-C, too.
      if isThroughNginx, !hasOther { try? await Task { try await withdraw(record, known) }.value }
      throw error
    }
  }

  // MARK: - The others

  /// All sites that certctl wrote.
  public func sites() async throws -> [SiteReport] {
    try await wrapped {
      let records = try await Blocking.run { try siteStore.all() }
      var reports: [SiteReport] = []
      for record in records { reports.append(try await siteReport(record)) }
      return reports
    }
  }

  /// One site.
  public func site(_ name: String) async throws -> SiteReport {
    try await wrapped { try await siteReport(try await siteRecord(name)) }
  }

  /// Lets nginx serve a site again, with its file as this version of certctl and nginx have it.
  public func enableSite(_ name: String, force: Bool = false) async throws -> SiteReport {
    try await wrapped {
      var record = try await siteRecord(name)
      guard try await hasCertificate(for: record.site) else {
        throw CertctlError(
          .notFound, "there is no certificate in use for \(name)",
          hint: "get one, by the same command that added the site")
      }
      record.isEnabled = true
      let certificate = try LineageName(record.site.certificate)
      try await put(record, .complete(isDual: try await isDual(certificate)), force)
      return try await siteReport(record)
    }
  }

  /// Lets nginx no longer serve a site; its file and its certificate stay.
  public func disableSite(_ name: String) async throws -> SiteReport {
    try await wrapped {
      var record = try await siteRecord(name)
      record.isEnabled = false
      try await change(record) { tree in
        [FileChange(tree.place.hostPath(SiteFiles.enabled(record.site.name)), .absent)]
      }
      services.warn(
        "the certificate \(record.site.certificate) is renewed all the same; without it: certctl "
          + "delete \(record.site.certificate)")
      return try await siteReport(record)
    }
  }

  /// Removes a site; its certificate stays.
  public func removeSite(_ name: String, force: Bool = false) async throws {
    try await wrapped {
      let record = try await siteRecord(name)
      let lock = try await deploymentLock()
      defer { lock.release() }
      try await recover()
      let tree = try await tree(of: record.place, without: name)
      let changes = try await Blocking.run {
        let changes = try tree.removal(of: record.site)
        try tree.checkOwners(of: changes, force: force)
        return try changes + siteStore.change(name, to: nil)
      }
      try await run(changes, withoutServing: record, tree)
      if tree.records.isEmpty { await removeFolders(of: tree) }
    }
  }

  /// Writes the sites anew whose promise of HTTPS has grown; the rest is left as it is.
  ///
  /// It concerns no certificate: what fails is a warning.
  func raisePromises() async throws {
    let records = try await Blocking.run { try siteStore.all() }
    let now = services.clock.now()
    for record in records where record.isEnabled && record.site.hasGrowingPromise(at: now) {
      do {
        guard try await hasCertificate(for: record.site) else { continue }
        let name = try LineageName(record.site.certificate)
        let stage = SiteRenderer.Stage.complete(isDual: try await isDual(name))
        let tree = try await tree(of: record.place, with: record)
        let path = tree.place.hostPath(SiteFiles.available(record.site.name))
        let isSame = try await Blocking.run {
          let (folder, file) = DurableFolder.place(of: path)
          let bytes = try folder.read(file)
          let wanted = try tree.changes(for: record, stage).first { $0.path == path }
          guard case .file(let new, _)? = wanted?.content else { return true }
          // A file that was changed by hand is its author's.
          return bytes == new || OwnFile.owner(of: bytes) != .certctl
        }
        if !isSame { try await put(record, stage, false) }
      } catch let error as CancellationError {
        throw error
      } catch {
        services.warn(
          "\(record.site.name): its HSTS age was not raised: \(CertctlError(wrapping: error).message)"
        )
      }
    }
  }

  private func siteRecord(_ name: String) async throws -> SiteRecord {
    let records = try await Blocking.run { try siteStore.all() }
    // By one of its names, too.
    if let found = records.first(where: { $0.site.name == name })
      ?? records.first(where: { $0.site.hosts.contains { $0.value == name } })
    {
      return found
    }
    let names = records.map(\.site.name).joined(separator: ", ")
    throw CertctlError(
      .notFound, "there is no site \(escapedForTerminal(name))",
      hint: names.isEmpty ? "add one: certctl site add HOST UPSTREAM" : "there are: \(names)")
  }

  private func wrapped<T: Sendable>(_ body: () async throws -> T) async throws -> T {
    do {
      return try await body()
    } catch let error as CancellationError {
      throw error
    } catch {
      throw CertctlError(wrapping: error)
    }
  }
}
