import CertctlBase
import CertctlCore
import CertctlCrypto
package import CertctlStore
import CertctlSystem
package import FoundationEssentials

/// The current and target state of the files that certctl manages for one nginx.
package struct SiteFileSet: Sendable {
  package let place: NginxInstallation
  package let build: NginxBuild
  package let certificates: SitePaths
  /// All sites of this nginx in their target state.
  package let records: [SiteRecord]
  /// The current time.
  package let now: Date

  package init(
    place: NginxInstallation, build: NginxBuild, certificates: SitePaths, records: [SiteRecord],
    now: Date
  ) {
    self.place = place
    self.build = build
    self.certificates = certificates
    self.records = records
    self.now = now
  }

  private static let shown = FileAttributes(mode: 0o644)
  private static let folder = FileAttributes(mode: 0o755)

  private var renderer: SiteRenderer {
    let own = Set(records.map { place.path(SiteFiles.enabled($0.site.name)) })
    let shared = place.path(SiteFiles.folder) + "/"
    let link = place.path(SiteFiles.httpLink)
    return SiteRenderer(
      build: build, paths: certificates,
      surroundings: ExistingNginxConfiguration(place.configuration, machine: .of(place.nginx.pid)) {
        path in
        own.contains(path) || path == link || path.hasPrefix(shared)
      }, now: now)
  }

  // MARK: - Target state

  /// Returns the changes that install a site and the shared files.
  ///
  /// - Parameters:
  ///   - record: The site, one of ``records``.
  ///   - stage: Which parts of it to write.
  /// - Returns: The changes, directories before their contents.
  /// - Throws: `CertctlError` or `HostError` if nginx's main file cannot be read or extended.
  @Disk package func changes(for record: SiteRecord, _ stage: SiteRenderer.Stage) throws
    -> [FileChange]
  {
    let site = record.site
    var changes = [
      SiteFiles.folder, NginxInstallation.challenges, SiteFiles.available, SiteFiles.enabled,
    ]
    .map { FileChange(place.hostPath($0), .folder(Self.folder)) }
    changes += try shared()
    changes.append(
      file(SiteFiles.available(site.name), renderer.siteFile(site, stage)))
    changes.append(link(SiteFiles.enabled(site.name), isThere: record.isEnabled))
    return changes + (try includeLine())
  }

  /// Returns the changes that remove a site; `records` holds the remaining ones.
  @Disk package func removal(of site: Site) throws -> [FileChange] {
    var changes = [
      FileChange(place.hostPath(SiteFiles.enabled(site.name)), .absent),
      FileChange(place.hostPath(SiteFiles.available(site.name)), .absent),
    ]
    guard records.isEmpty else { return try changes + shared() }
    changes.append(FileChange(place.hostPath(SiteFiles.httpLink), .absent))
    for name in try DurableFolder(path: place.hostPath(SiteFiles.folder), root: "/").entries()
    where name.hasSuffix(".conf") || name.hasSuffix(".pem") {
      changes.append(FileChange(place.hostPath("\(SiteFiles.folder)/\(name)"), .absent))
    }
    let main = try mainFile()
    if let rest = IncludeLine.removed(from: main.text, folder: place.folder) {
      changes.append(FileChange(main.path, .file(Array(rest.utf8), main.attributes)))
    }
    return changes
  }

  /// The include line to add to nginx's main file; nil if it already includes the enabled sites.
  var missingLine: String? {
    let path = place.path(SiteFiles.enabled("certctl"))
    return place.configuration.includesInHTTP(path) ? nil : IncludeLine.text(place.folder)
  }

  private func shared() throws -> [FileChange] {
    let needsParameters = records.contains { $0.site.usesDHE }
    let parameters = needsParameters ? try DHParameters.standard(bits: 2048) : nil
    return renderer.sharedFiles(
      for: records.map(\.site),
      dhParameters: parameters.map { String(decoding: $0.pem, as: UTF8.self) }
    )
    .sorted { $0.key < $1.key }
    .map { relative, text in file(relative, text) } + [link(SiteFiles.httpLink, isThere: true)]
  }

  private func file(_ relative: String, _ text: String) -> FileChange {
    FileChange(place.hostPath(relative), .file(ManagedFile.bytes(text), Self.shown))
  }

  private func link(_ relative: String, isThere: Bool) -> FileChange {
    let name = relative.split(separator: "/").last.map(String.init) ?? relative
    let target =
      relative == SiteFiles.httpLink
      ? "../\(SiteFiles.http)" : "../\(SiteFiles.available)/\(name)"
    return FileChange(place.hostPath(relative), isThere ? .link(target) : .absent)
  }

  private func includeLine() throws -> [FileChange] {
    guard missingLine != nil else { return [] }
    let main = try mainFile()
    guard let new = IncludeLine.added(to: main.text, folder: place.folder) else {
      throw CertctlError(
        .configuration, "cannot add the sites to \(place.configuration.main): it has no http block",
        hint: "add this line to the http block, then retry: "
          + IncludeLine.text(place.folder).drop { $0 == " " })
    }
    return [FileChange(main.path, .file(Array(new.utf8), main.attributes))]
  }

  /// Reads the main file itself, because `nginx -T` may print its end differently.
  private func mainFile() throws -> (path: String, text: String, attributes: FileAttributes) {
    guard let path = place.nginx.hostPath(place.configuration.main) else {
      throw CertctlError(
        .configuration,
        "cannot edit \(place.configuration.main): it is not mounted from this host",
        hint: "mount the whole directory \(place.folder)")
    }
    let resolved = path.resolvingLinks
    let (folder, name) = DurableFolder.folderAndName(of: resolved)
    guard let bytes = try folder.read(name), let attributes = try folder.attributes(of: name) else {
      throw CertctlError(.state, "cannot read \(path): it does not exist")
    }
    return (resolved, String(decoding: bytes, as: UTF8.self), attributes)
  }

  /// The notices to show before the sites of this nginx are installed for the first time.
  package var notices: [String] {
    var notices: [String] = []
    if let line = missingLine {
      notices.append("adding a line to \(place.configuration.main): \(line)")
    }
    guard place.configuration.texts[place.path(SiteFiles.httpLink)] == nil else { return notices }
    for port in Set(records.flatMap { [$0.site.httpPort, $0.site.httpsPort] }).sorted() {
      guard let file = renderer.surroundings.unspokenDefault(port) else { continue }
      notices.append(
        "\(file) answered requests for unknown names on port \(port) because it came first; they "
          + "are now rejected (to keep it as the default, add: listen \(port) default_server)")
    }
    return notices
  }

  // MARK: - Ownership

  /// Refuses names that another file already serves: nginx would only warn and ignore one of them.
  ///
  /// - Throws: `CertctlError` with code `refused`, which names the file.
  package func checkNames(of site: Site) throws {
    guard let taken = renderer.surroundings.conflicts(with: site).first else { return }
    throw CertctlError(
      .refused, "cannot serve \(taken.host): \(taken.file) already serves it",
      hint: "remove the name from that file")
  }

  /// Refuses to replace or remove files that certctl did not write or that were edited since.
  ///
  /// - Parameters:
  ///   - changes: The changes to check.
  ///   - force: Whether edited files may be overwritten.
  /// - Throws: `CertctlError` with code `refused`, which names the file.
  @Disk package func checkOwners(of changes: [FileChange], force: Bool) throws {
    let main = place.nginx.hostPath(place.configuration.main)?.resolvingLinks
    for change in changes {
      guard let relative = place.relative(change.path), change.path != main else { continue }
      let (folder, name) = change.folderAndName
      if case .folder = change.content { continue }
      switch try folder.kind(of: name) {
      case nil: continue
      case .link:
        guard try isOwnLink(relative, folder.linkTarget(name)) else {
          throw foreign(change.path, "this link was not created by certctl")
        }
      case .file where !relative.hasPrefix(SiteFiles.enabled):
        switch ManagedFile.owner(of: try folder.read(name)) {
        case .nobody, .certctl: continue
        case .changed where force: continue
        case .changed:
          throw CertctlError(
            .refused, "cannot change \(change.path): it was edited by hand",
            hint: "back it up, then use --force to overwrite it")
        case .other: throw foreign(change.path, "it was not written by certctl")
        }
      default: throw foreign(change.path, "it was not written by certctl")
      }
    }
  }

  private func isOwnLink(_ relative: String, _ target: String?) -> Bool {
    if case .link(let own) = link(relative, isThere: true).content { return own == target }
    return false
  }

  private func foreign(_ path: String, _ what: String) -> CertctlError {
    CertctlError(.refused, "cannot change \(path): \(what)", hint: "move it away, then retry")
  }
}
