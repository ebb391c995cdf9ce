package import CertctlStore
import CertctlSystem
package import FoundationEssentials

/// A site as it was asked for, and where.
package struct SiteRecord: Codable, Sendable, Equatable {
  static let formatVersion = 1

  var version = SiteRecord.formatVersion
  /// What was asked for.
  package var site: Site
  /// The nginx that serves it.
  package var place: SitePlace
  /// Whether nginx is to serve it now.
  package var isEnabled = true
  /// When it was added.
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

/// Which nginx a site belongs to.
package struct SitePlace: Codable, Sendable, Hashable {
  /// The folder of its main file, as this host sees it.
  package var folder: String
  /// The container that it runs in; nil for this host.
  package var container: String?
  /// The folder of the copies that it uses instead of the certificates; nil for these themselves.
  package var copy: String?

  package init(folder: String, container: String? = nil, copy: String? = nil) {
    self.folder = folder
    self.container = container
    self.copy = copy
  }

  /// Whether both are about one nginx.
  package func isSameNginx(as other: SitePlace) -> Bool {
    folder == other.folder && container == other.container
  }
}

/// The sites that certctl wrote: `sites/<name>.json`.
package struct SiteStore: Sendable {
  package let state: StateDirectory

  package init(state: StateDirectory) {
    self.state = state
  }

  static let folderName = "sites"
  private var folder: DurableFolder { state.folder(Self.folderName) }

  /// One site; nil when there is none of that name.
  package func record(_ name: String) async throws -> SiteRecord? {
    try await file(name).read()
  }

  /// All sites, in the order of their names.
  package func all() async throws -> [SiteRecord] {
    var records: [SiteRecord] = []
    for file in try await state.entries(Self.folderName) where file.hasSuffix(".json") {
      if let record = try await record(String(file.dropLast(5))) { records.append(record) }
    }
    return records
  }

  /// The change that keeps a record, or forgets it.
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
