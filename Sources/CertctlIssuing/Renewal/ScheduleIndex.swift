import CertctlBase
package import CertctlStore
package import CertctlSystem
package import FoundationEssentials

/// When each lineage needs a closer look, derived from its files: `cache/schedule.json`.
///
/// With it a run over thousands of lineages of which nothing is due opens one file. It holds nothing
/// that is not in the lineages: an entry whose files have changed since is made anew, and so is the
/// whole when it is missing, damaged, or from a clock that was ahead of ours.
package struct ScheduleIndex: Codable, Sendable, Equatable {
  static let formatVersion = 1
  static let fileName = "schedule.json"
  /// More than a hundred thousand lineages.
  static let sizeLimit = 64 << 20

  var version = ScheduleIndex.formatVersion
  /// When it was written.
  package var date: Date
  /// What is known of each lineage, by name.
  package var entries: [String: Entry] = [:]

  package init(
    version: Int = ScheduleIndex.formatVersion, date: Date, entries: [String: Entry] = [:]
  ) {
    self.version = version
    self.date = date
    self.entries = entries
  }

  /// What is known of one lineage.
  package struct Entry: Codable, Sendable, Equatable {
    /// The stamps of its file in `lineages` and its link in `live`.
    package var files: [Int64]
    /// The time from which it needs a closer look, in seconds since 1970.
    package var look: Int64
    /// When its renewal is due, in seconds since 1970.
    package var due: Int64

    package init(files: [Int64], look: Int64, due: Int64) {
      self.files = files
      self.look = look
      self.due = due
    }

    private enum CodingKeys: String, CodingKey {
      case files = "f"
      case look = "l"
      case due = "d"
    }
  }

  /// The index on disk, if it can be trusted now.
  @Disk package static func read(_ state: StateDirectory, now: Date) -> ScheduleIndex? {
    let folder = state.folder("cache")
    guard let bytes = try? folder.read(fileName, limit: sizeLimit),
      let index = try? StateCoding.decoder().decode(ScheduleIndex.self, from: Data(bytes)),
      index.version == formatVersion,
      index.date <= now.addingTimeInterval(RenewalState.clockTolerance)
    else { return nil }
    return index
  }

  /// Stores the index.
  @Disk package func write(_ state: StateDirectory) throws {
    let folder = state.folder("cache")
    try folder.create(StateDirectory.closed)
    let bytes = [UInt8](try StateCoding.encoder(pretty: false).encode(self))
    try folder.write(Self.fileName, bytes, StateDirectory.closedFile)
  }

  /// The stamps of a lineage's files as an entry keeps them.
  package static func files(_ stamps: FileStamp?...) -> [Int64] {
    stamps.flatMap { stamp in
      stamp.map { [$0.modified, Int64(bitPattern: $0.file), $0.size] } ?? [0, 0, -1]
    }
  }
}
