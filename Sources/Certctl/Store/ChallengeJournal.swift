import ACME
import HostIO

/// The challenges that were presented and not yet retracted: `journal/<name>.json`.
///
/// It is synced before the first challenge is presented and removed after the last is retracted,
/// so that what a crash left behind is cleaned by the next run of the lineage. Where a thing lies
/// is derived again from the token and the settings, never read from the file; but whoever made records
/// has to remove them, whatever the lineage's provider is by then.
struct ChallengeJournal: Sendable {
  private struct Entry: Codable, Sendable {
    static let formatVersion = 1

    var version = Entry.formatVersion
    let challenges: [PresentedChallenge]
    /// Who made the records; nil where there are none, and in what earlier versions wrote.
    var dns: DNSSettings?
  }

  let state: StateDirectory

  /// The challenges of a lineage that may still be visible.
  func challenges(of name: LineageName) throws -> [PresentedChallenge] {
    try file(name).read()?.challenges ?? []
  }

  /// Who made the records of a lineage that may still be there; nil where nobody is known.
  func provider(of name: LineageName) throws -> DNSSettings? { try file(name).read()?.dns }

  /// The file, as a person would look for it.
  func path(of name: LineageName) -> String { "\(state.path)/journal/\(name).json" }

  /// Records what is about to be presented.
  func record(
    _ challenges: [PresentedChallenge], by dns: DNSSettings? = nil, of name: LineageName
  ) throws {
    try state.create()
    try state.journal.create(StateDirectory.closed)
    try file(name).write(Entry(challenges: challenges, dns: dns))
  }

  /// Forgets the challenges of a lineage: all were retracted.
  func clear(_ name: LineageName) throws {
    try state.journal.remove("\(name).json")
  }

  private func file(_ name: LineageName) -> StateFile<Entry> {
    StateFile(folder: state.journal, name: "\(name).json", version: Entry.formatVersion)
  }
}
