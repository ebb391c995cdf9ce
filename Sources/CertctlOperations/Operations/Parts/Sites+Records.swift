import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlServing
import CertctlStore
import CertctlSystem
import FoundationEssentials

extension Sites {
  /// Returns the report on a site.
  func siteReport(_ record: SiteRecord) async throws -> SiteReport {
    let site = record.site
    let path = { (relative: String) in "\(record.place.folder)/\(relative)" }
    let bytes = try await Self.read(path(SiteFiles.available(site.name)))
    let owner = ManagedFile.owner(of: bytes)
    let isLinked = try await Self.isLink(path(SiteFiles.enabled(site.name)))
    let leaf = try await certificateInUse(of: site)
    let isGood =
      leaf.map { leaf in
        leaf.notAfter > environment.clock.now() && !leaf.isPlaceholder
          && site.hosts.allSatisfy { leaf.covers($0.value) }
      } ?? false
    let state: SiteReport.State =
      if owner == .changed || owner == .other {
        .changed
      } else if owner == .nobody || record.isEnabled != isLinked {
        .missing
      } else if !record.isEnabled { .disabled } else if !isGood { .uncertified } else { .enabled }
    let port = site.httpsPort == 443 ? "" : ":\(site.httpsPort)"
    return SiteReport(
      name: site.name, hosts: site.hosts.map(\.value), target: site.target,
      url: "https://\(site.hosts[0].value)\(port)/", certificate: site.certificate,
      notAfter: leaf?.notAfter, state: state, file: path(SiteFiles.available(site.name)),
      container: record.place.container,
      content: bytes.map { String(decoding: $0, as: UTF8.self) })
  }

  @Disk private static func read(_ path: String) throws(HostError) -> [UInt8]? {
    let (folder, name) = DurableFolder.folderAndName(of: path)
    return try folder.read(name)
  }

  @Disk private static func isLink(_ path: String) throws(HostError) -> Bool {
    let (folder, name) = DurableFolder.folderAndName(of: path)
    return try folder.kind(of: name) == .link
  }

  private func certificateInUse(of site: Site) async throws -> Certificate? {
    let name = try LineageName(site.certificate)
    guard let live = try await certificates.liveGeneration(name) else { return nil }
    return try? await certificates.loadLeaves(live, of: name).first
  }

  /// Returns whether a valid certificate in use covers all hosts of a site.
  func hasCertificate(for site: Site) async throws -> Bool {
    let name = try LineageName(site.certificate)
    let now = environment.clock.now()
    guard let live = try await certificates.liveGeneration(name) else { return false }
    let leaf = try await certificates.loadLeaves(live, of: name)[0]
    return leaf.notAfter > now && !leaf.isPlaceholder
      && site.hosts.allSatisfy { leaf.covers($0.value) }
  }

  func isDual(_ name: LineageName) async throws -> Bool {
    guard let live = try await certificates.liveGeneration(name) else { return false }
    return try await certificates.loadLeaves(live, of: name).count > 1
  }

  /// Rewrites the sites whose HSTS max-age has to increase.
  ///
  /// No certificate depends on this, so failures are only warnings.
  func raiseHSTSMaxAge() async throws {
    let records = try await siteStore.all()
    let now = environment.clock.now()
    for record in records where record.isEnabled && record.site.isRaisingHSTS(at: now) {
      let raised = try await attempt {
        guard try await hasCertificate(for: record.site) else { return }
        let name = try LineageName(record.site.certificate)
        let stage = SiteRenderer.Stage.complete(isDual: try await isDual(name))
        let tree = try await tree(of: record.place, with: record)
        let path = tree.place.hostPath(SiteFiles.available(record.site.name))
        let wanted = try await tree.changes(for: record, stage).first { $0.path == path }
        guard case .file(let new, _)? = wanted?.content else { return }
        let bytes = try await Self.read(path)
        // Do not overwrite a file that was edited by hand.
        if bytes != new, ManagedFile.owner(of: bytes) == .certctl {
          try await install(record, stage, false)
        }
      }
      if case .failure(let error) = raised {
        console.warn(
          "cannot raise the HSTS max-age of \(record.site.name): \(error.message)")
      }
    }
  }

  func siteRecord(_ name: String) async throws -> SiteRecord {
    let records = try await siteStore.all()
    // One of its host names will do as well.
    if let found = records.first(where: { $0.site.name == name })
      ?? records.first(where: { $0.site.hosts.contains { $0.value == name } })
    {
      return found
    }
    let names = records.map(\.site.name).joined(separator: ", ")
    throw CertctlError(
      .notFound, "no site named '\(name)'",
      hint: names.isEmpty
        ? "to add one, run: certctl site add HOST UPSTREAM" : "available: \(names)")
  }
}
