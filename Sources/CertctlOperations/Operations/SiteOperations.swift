import CertctlBase
import CertctlCore
package import CertctlServing
import CertctlStore
import CertctlSystem

/// An operation that lists all sites of certctl.
package struct ListSitesOperation: Operation {
  package init() {}

  package func run(in context: Context) async throws -> [SiteReport] {
    let sites = Sites(context: context)
    var reports: [SiteReport] = []
    for record in try await sites.siteStore.all() {
      reports.append(try await sites.siteReport(record))
    }
    return reports
  }
}

/// An operation that shows one site.
package struct ShowSiteOperation: Operation {
  package var name: String

  package init(_ name: String) { self.name = name }

  package func run(in context: Context) async throws -> SiteReport {
    let sites = Sites(context: context)
    return try await sites.siteReport(try await sites.siteRecord(name))
  }
}

/// An operation that enables a site, with its file regenerated for this certctl and nginx.
package struct EnableSiteOperation: Operation {
  package var name: String
  package var force: Bool

  package init(_ name: String, force: Bool = false) {
    self.name = name
    self.force = force
  }

  package func run(in context: Context) async throws -> SiteReport {
    let sites = Sites(context: context)
    var record = try await sites.siteRecord(name)
    guard try await sites.hasCertificate(for: record.site) else {
      throw CertctlError(
        .notFound, "cannot enable \(name): there is no valid certificate for it",
        hint: "to get one, repeat the certctl site add command of this site")
    }
    record.isEnabled = true
    let certificate = try LineageName(record.site.certificate)
    try await sites.install(record, .complete(isDual: try await sites.isDual(certificate)), force)
    return try await sites.siteReport(record)
  }
}

/// An operation that disables a site, but keeps its file and its certificate.
package struct DisableSiteOperation: Operation {
  package var name: String

  package init(_ name: String) { self.name = name }

  package func run(in context: Context) async throws -> SiteReport {
    let sites = Sites(context: context)
    var record = try await sites.siteRecord(name)
    record.isEnabled = false
    try await sites.change(record) { tree in
      [FileChange(tree.place.hostPath(SiteFiles.enabled(record.site.name)), .absent)]
    }
    context.environment.console.warn(
      "the certificate \(record.site.certificate) will still be renewed; to stop that, run: "
        + "certctl delete \(record.site.certificate)")
    return try await sites.siteReport(record)
  }
}

/// An operation that removes a site, but keeps its certificate.
package struct RemoveSiteOperation: Operation {
  package var name: String
  package var force: Bool

  package init(_ name: String, force: Bool = false) {
    self.name = name
    self.force = force
  }

  package func run(in context: Context) async throws {
    let sites = Sites(context: context)
    let record = try await sites.siteRecord(name)
    let lock = try await context.deploymentLock()
    defer { lock.release() }
    try await sites.deployer.recover()
    let tree = try await sites.tree(of: record.place, without: name)
    let changes = try await tree.removal(of: record.site)
    try await tree.checkOwners(of: changes, force: force)
    let forgotten = try sites.siteStore.change(name, to: nil)
    try await sites.run(changes + forgotten, withoutServing: record, tree)
    if tree.records.isEmpty { await sites.removeFolders(of: tree) }
  }
}
