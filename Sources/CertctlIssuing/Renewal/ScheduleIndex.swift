import CertctlBase
package import CertctlStore
package import CertctlSystem
package import FoundationEssentials

/// The index of when each lineage needs a closer look: `cache/schedule.json`.
///
/// With it, a run over thousands of lineages with nothing due opens one file. The index is derived
/// from the lineages. An entry is rebuilt if its files have changed. The whole index is rebuilt if
/// it is missing, damaged or dated in the future.
package struct ScheduleIndex: Codable, Sendable, Equatable {
  static let formatVersion = 1
  static let fileName = "schedule.json"
  /// The maximum size in bytes: enough for more than a hundred thousand lineages.
  static let sizeLimit = 64 << 20

  var version = ScheduleIndex.formatVersion
  /// When it was written.
  package var date: Date
  /// The entries of the lineages, by name.
  package var entries: [String: Entry] = [:]

  package init(
    version: Int = ScheduleIndex.formatVersion, date: Date, entries: [String: Entry] = [:]
  ) {
    self.version = version
    self.date = date
    self.entries = entries
  }

  /// The entry of one lineage.
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

  /// Returns the index on disk; nil if it cannot be trusted.
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

  /// Returns the stamps of a lineage's files in the form of an entry.
  package static func files(_ stamps: FileStamp?...) -> [Int64] {
    stamps.flatMap { stamp in
      stamp.map { [$0.modified, Int64(bitPattern: $0.file), $0.size] } ?? [0, 0, -1]
    }
  }
}
