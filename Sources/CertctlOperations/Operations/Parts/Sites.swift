import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlServing
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The files of sites, with their installation, verification and removal.
struct Sites: ContextPart {
  let context: Context

  /// Installs a site's files, reloads nginx and verifies the site.
  func install(
    _ record: SiteRecord, _ stage: SiteRenderer.Stage, _ force: Bool
  ) async throws {
    let lock = try await context.deploymentLock()
    defer { lock.release() }
    try await deployer.recover()
    let tree = try await tree(of: record.place, with: record)
    let site = record.site
    try tree.checkNames(of: site)
    let wanted = try await tree.changes(for: record, stage)
    try await tree.checkOwners(of: wanted, force: force)
    let changes = try wanted + siteStore.change(site.name, to: record)
    for notice in tree.notices { console.warn(notice) }
    // At this point only the dry run reads the copies.
    try await Transaction.apply(copies(for: record), in: state)
    let deployment = try await deployer.nginxDeployment()
    let targets = try await deployer.targets([LineageName(site.certificate)])
    let change = SiteChange(
      deployment: deployment, place: tree.place, name: site.name, files: changes,
      certificates: record.isEnabled ? targets : []
    ) {
      guard record.isEnabled else { return }
      let proof = SiteProof(deployment, tree.place, site)
      try await proof.challengesAnswer()
      guard case .complete = stage, let target = targets.first else { return }
      try await proof.redirects()
      try await proof.serves(target, try await deployment.place(of: tree.place.nginx))
    }
    try await change.run()
  }

  /// Returns the changes that copy a site's certificate.
  private func copies(for record: SiteRecord) async throws -> [FileChange] {
    let name = try LineageName(record.site.certificate)
    guard let folder = record.place.copy, let live = try await certificates.liveGeneration(name)
    else { return [] }
    let files = try await lineages.lineage(name)?.settings.files ?? FileSettings()
    let certificate = try await certificates.load(live, of: name)
    return try await CertificateCopy(folder: folder).changes(for: name, certificate, files)
  }

  /// Removes a site that never had a certificate.
  func withdraw(_ record: SiteRecord) async throws {
    let lock = try await context.deploymentLock()
    defer { lock.release() }
    let tree = try await tree(of: record.place, without: record.site.name)
    let changes =
      try await tree.removal(of: record.site) + siteStore.change(record.site.name, to: nil)
    let deployment = try await deployer.nginxDeployment()
    try await SiteChange(
      deployment: deployment, place: tree.place, name: record.site.name, files: changes
    ).run()
  }

  /// Returns certctl's files at an nginx, with one site added or removed.
  func tree(
    of place: SitePlace, with record: SiteRecord? = nil, without name: String? = nil
  ) async throws -> SiteFileSet {
    let found = try await places.nginxPlace(folder: place.folder, container: place.container)
    let records =
      try await siteStore.all().filter { other in
        other.place.isSameNginx(as: place) && other.site.name != name
          && other.site.name != record?.site.name
      } + [record].compactMap { $0 }
    let version = try await found.nginx.version.run(by: environment.runner)
    guard let build = NginxBuild(versionOutput: version.output) else {
      throw CertctlError(
        .configuration, "cannot determine the version of \(found.nginx.executable)",
        hint: "check the output of: nginx -V")
    }
    let source = place.copy ?? state.live.path
    guard let certificates = found.nginx.serverPath(source) else {
      throw CertctlError(
        .configuration, "the container cannot access \(source)",
        hint: "to print the required mounts, run: certctl site compose")
    }
    return SiteFileSet(
      place: found, build: build,
      certificates: try SitePaths(
        nginx: found.folder, certificates: certificates, isCopied: place.copy != nil),
      records: records, now: environment.clock.now())
  }

  /// Removes certctl's directories at an nginx if they are empty.
  func removeFolders(of tree: SiteFileSet) async {
    for folder in [
      "\(NginxInstallation.challenges)/.well-known/acme-challenge",
      "\(NginxInstallation.challenges)/.well-known",
      NginxInstallation.challenges, SiteFiles.folder,
    ] {
      await Self.removeIfEmpty(tree.place.hostPath(folder))
    }
  }

  @Disk private static func removeIfEmpty(_ path: String) {
    let (parent, name) = DurableFolder.folderAndName(of: path)
    _ = try? parent.removeIfEmpty(name)
  }

  /// Changes files of a site so that nginx stops serving it.
  func change(
    _ record: SiteRecord, _ files: (SiteFileSet) async throws -> [FileChange]
  ) async throws {
    let lock = try await context.deploymentLock()
    defer { lock.release() }
    try await deployer.recover()
    let tree = try await tree(of: record.place, with: record)
    let changes = try await files(tree)
    try await tree.checkOwners(of: changes, force: false)
    let kept = try siteStore.change(record.site.name, to: record)
    try await run(changes + kept, withoutServing: record, tree)
  }

  /// Applies changes that remove a site from nginx, and waits until nginx stops serving it.
  func run(
    _ changes: [FileChange], withoutServing record: SiteRecord, _ tree: SiteFileSet
  ) async throws {
    let deployment = try await deployer.nginxDeployment()
    let target = try await deployer.targets([LineageName(record.site.certificate)]).first
    let change = SiteChange(
      deployment: deployment, place: tree.place, name: record.site.name, files: changes
    ) {
      guard let target else { return }
      try await SiteProof(deployment, tree.place, record.site).stopsServing(target)
    }
    try await change.run()
  }
}
