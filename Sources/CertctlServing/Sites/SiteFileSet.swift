import CertctlBase
import CertctlCore
import CertctlCrypto
package import CertctlStore
import CertctlSystem
package import FoundationEssentials

/// The files of one nginx that are certctl's: what is there, and what is to be there.
package struct SiteFileSet: Sendable {
  package let place: NginxInstallation
  package let build: NginxBuild
  package let certificates: SitePaths
  /// All sites of this nginx, as they are to be.
  package let records: [SiteRecord]
  /// The moment of writing.
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

  // MARK: - What is to be

  /// The changes that put a site in place, with all that it needs.
  ///
  /// - Parameters:
  ///   - record: The site, one of ``records``.
  ///   - stage: How much of it.
  /// - Returns: The changes, folders before what is in them.
  /// - Throws: `CertctlError` or `HostError` when nginx's main file cannot be read or extended.
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

  /// The changes that take a site away; `records` are those that stay.
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

  /// The line that nginx's main file gets; nil when it includes the enabled sites already.
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
        .configuration, "\(place.configuration.main) has no http block of its own",
        hint: "put this line into the http block, then try again: "
          + IncludeLine.text(place.folder).drop { $0 == " " })
    }
    return [FileChange(main.path, .file(Array(new.utf8), main.attributes))]
  }

  /// The main file itself: what `nginx -T` prints of it may end in another way.
  private func mainFile() throws -> (path: String, text: String, attributes: FileAttributes) {
    guard let path = place.nginx.hostPath(place.configuration.main) else {
      throw CertctlError(
        .configuration, "\(place.configuration.main) of the container is not a file of this host",
        hint: "mount the whole folder \(place.folder)")
    }
    let resolved = path.resolvingLinks
    let (folder, name) = DurableFolder.folderAndName(of: resolved)
    guard let bytes = try folder.read(name), let attributes = try folder.attributes(of: name) else {
      throw CertctlError(.state, "\(path) cannot be read")
    }
    return (resolved, String(decoding: bytes, as: UTF8.self), attributes)
  }

  /// What a person should know before these sites are put in place, for the first time.
  package var notices: [String] {
    var notices: [String] = []
    if let line = missingLine {
      notices.append("\(place.configuration.main) gets one more line: \(line)")
    }
    guard place.configuration.texts[place.path(SiteFiles.httpLink)] == nil else { return notices }
    for port in Set(records.flatMap { [$0.site.httpPort, $0.site.httpsPort] }).sorted() {
      guard let file = renderer.surroundings.unspokenDefault(port) else { continue }
      notices.append(
        "names that no site has were answered on port \(port) by \(file), because it comes first; "
          + "from now on they are refused (to keep it: listen \(port) default_server)")
    }
    return notices
  }

  // MARK: - Whose files these are

  /// Refuses names that somebody else's file serves already: nginx would only warn, and pass over one.
  ///
  /// - Throws: `CertctlError` with code `refused`, naming the file.
  package func checkNames(of site: Site) throws {
    guard let taken = renderer.surroundings.conflicts(with: site).first else { return }
    throw CertctlError(
      .refused, "\(taken.file) serves \(taken.host) already",
      hint: "take the name out of that file, or leave it to that file")
  }

  /// Refuses to replace or remove what certctl did not write, or what somebody changed since.
  ///
  /// - Parameters:
  ///   - changes: What is to be done.
  ///   - force: Whether changes by hand may be lost.
  /// - Throws: `CertctlError` with code `refused`, naming the file.
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
          throw foreign(change.path, "is a link of somebody else's")
        }
      case .file where !relative.hasPrefix(SiteFiles.enabled):
        switch ManagedFile.owner(of: try folder.read(name)) {
        case .nobody, .certctl: continue
        case .changed where force: continue
        case .changed:
          throw CertctlError(
            .refused, "\(change.path) was changed by hand since certctl wrote it",
            hint: "keep a copy of it, then give --force to have it written anew")
        case .other: throw foreign(change.path, "was not written by certctl")
        }
      default: throw foreign(change.path, "was not written by certctl")
      }
    }
  }

  private func isOwnLink(_ relative: String, _ target: String?) -> Bool {
    if case .link(let own) = link(relative, isThere: true).content { return own == target }
    return false
  }

  private func foreign(_ path: String, _ what: String) -> CertctlError {
    CertctlError(.refused, "\(path) \(what)", hint: "move it away, and try again")
  }
}
