import ACME
import HostIO

/// The challenges that were presented and not yet retracted: `journal/<name>.json`.
///
/// It is synced before the first challenge is presented and removed after the last is retracted,
/// so that what a crash left behind is cleaned by the next run of the lineage. Where a thing lies
/// is derived again from the token and the lineage's settings, never read from the file.
struct ChallengeJournal: Sendable {
  private struct Entry: Codable, Sendable {
    static let formatVersion = 1

    var version = Entry.formatVersion
    let challenges: [PresentedChallenge]
  }

  let state: StateDirectory

  /// The challenges of a lineage that may still be visible.
  func challenges(of name: LineageName) throws -> [PresentedChallenge] {
    try file(name).read()?.challenges ?? []
  }

  /// Records what is about to be presented.
  func record(_ challenges: [PresentedChallenge], of name: LineageName) throws {
    try state.create()
    try state.journal.create(StateDirectory.closed)
    try file(name).write(Entry(challenges: challenges))
  }

  /// Forgets the challenges of a lineage: all were retracted.
  func clear(_ name: LineageName) throws {
    try state.journal.remove("\(name).json")
  }

  private func file(_ name: LineageName) -> StateFile<Entry> {
    StateFile(folder: state.journal, name: "\(name).json", version: Entry.formatVersion)
  }
}
