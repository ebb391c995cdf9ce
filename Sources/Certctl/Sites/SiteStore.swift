import FoundationEssentials
import HostIO

/// A site as it was asked for, and where.
struct SiteRecord: Codable, Sendable, Equatable {
  static let formatVersion = 1

  var version = SiteRecord.formatVersion
  /// What was asked for.
  var site: Site
  /// The nginx that serves it.
  var place: SitePlace
  /// Whether nginx is to serve it now.
  var isEnabled = true
  /// When it was added.
  let added: Date
}

/// Which nginx a site belongs to.
struct SitePlace: Codable, Sendable, Hashable {
  /// The folder of its main file, as this host sees it.
  var folder: String
  /// The container that it runs in; nil for this host.
  var container: String?
  /// The folder of the copies that it uses instead of the certificates; nil for these themselves.
  var copy: String?

  /// Whether both are about one nginx.
  func isSameNginx(as other: SitePlace) -> Bool {
    folder == other.folder && container == other.container
  }
}

/// The sites that certctl wrote: `sites/<name>.json`.
struct SiteStore: Sendable {
  let state: StateDirectory

  static let folderName = "sites"
  private var folder: DurableFolder { state.folder(Self.folderName) }

  /// One site; nil when there is none of that name.
  func record(_ name: String) throws -> SiteRecord? { try file(name).read() }

  /// All sites, in the order of their names.
  func all() throws -> [SiteRecord] {
    try folder.entries().compactMap { file in
      guard file.hasSuffix(".json") else { return nil }
      return try record(String(file.dropLast(5)))
    }
  }

  /// The change that keeps a record, or forgets it.
  func change(_ name: String, to record: SiteRecord?) throws -> [FileChange] {
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
