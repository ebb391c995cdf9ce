package import CertctlStore
import CertctlSystem
package import FoundationEssentials

/// The stored settings of a site, with the nginx that serves it.
package struct SiteRecord: Codable, Sendable, Equatable {
  static let formatVersion = 1

  var version = SiteRecord.formatVersion
  /// The requested site.
  package var site: Site
  /// The nginx that serves it.
  package var place: SitePlace
  /// Whether the site is enabled.
  package var isEnabled = true
  /// When the site was added.
  package let added: Date

  package init(
    version: Int = SiteRecord.formatVersion, site: Site, place: SitePlace, isEnabled: Bool = true,
    added: Date
  ) {
    self.version = version
    self.site = site
    self.place = place
    self.isEnabled = isEnabled
    self.added = added
  }
}

/// The nginx that serves a site.
package struct SitePlace: Codable, Sendable, Hashable {
  /// The directory of its main file, as this host sees it.
  package var folder: String
  /// The container of nginx; nil for this host.
  package var container: String?
  /// The directory of the certificate copies that it uses; nil if it uses `live`.
  package var copy: String?

  package init(folder: String, container: String? = nil, copy: String? = nil) {
    self.folder = folder
    self.container = container
    self.copy = copy
  }

  /// Returns whether both refer to the same nginx.
  package func isSameNginx(as other: SitePlace) -> Bool {
    folder == other.folder && container == other.container
  }
}

/// The stored sites: `sites/<name>.json`.
package struct SiteStore: Sendable {
  package let state: StateDirectory

  package init(state: StateDirectory) {
    self.state = state
  }

  static let folderName = "sites"
  private var folder: DurableFolder { state.folder(Self.folderName) }

  /// Returns a site; nil if it does not exist.
  package func record(_ name: String) async throws -> SiteRecord? {
    try await file(name).read()
  }

  /// Returns all sites, sorted by name.
  package func all() async throws -> [SiteRecord] {
    var records: [SiteRecord] = []
    for file in try await state.entries(Self.folderName) where file.hasSuffix(".json") {
      if let record = try await record(String(file.dropLast(5))) { records.append(record) }
    }
    return records
  }

  /// Returns the changes that write a record, or delete it if it is nil.
  package func change(_ name: String, to record: SiteRecord?) throws -> [FileChange] {
    let path = "\(folder.path)/\(name).json"
    guard let record else { return [FileChange(path, .absent)] }
    var bytes = [UInt8](try StateCoding.encoder().encode(record))
    bytes.append(UInt8(ascii: "\n"))
    return [
      FileChange(folder.path, .folder(StateDirectory.closed)),
      FileChange(path, .file(bytes, StateDirectory.closedFile)),
    ]
  }

  private func file(_ name: String) -> StateFile<SiteRecord> {
    StateFile(folder: folder, name: "\(name).json", version: SiteRecord.formatVersion)
  }
}
