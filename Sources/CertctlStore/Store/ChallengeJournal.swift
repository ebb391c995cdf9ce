import ACME
package import CertctlCore
import CertctlSystem

/// The challenges that were presented and not yet cleaned up: `journal/<name>.json`.
///
/// It is synced before the first challenge is presented and removed after the last clean-up. So the
/// next run of the lineage cleans up after a crash. Locations are derived from the token and the
/// settings, never read from the file. The provider that created records must also remove them,
/// even if the lineage uses another one by then.
package struct ChallengeJournal: Sendable {
  /// The challenges that one run presented.
  package struct Group: Codable, Sendable, Equatable {
    /// The challenges.
    package var challenges: [PresentedChallenge]
    /// The provider that created the records; nil if there are none, or in files of old versions.
    package var dns: DNSSettings?
  }

  private struct Entry: Codable, Sendable {
    static let formatVersion = 1

    var version = Entry.formatVersion
    let challenges: [PresentedChallenge]
    var dns: DNSSettings?
    /// What earlier runs left and certctl could not clean up yet.
    var earlier: [Group]?

    init(_ groups: [Group]) {
      challenges = groups.last?.challenges ?? []
      dns = groups.last?.dns
      earlier = groups.count > 1 ? groups.dropLast() : nil
    }

    var groups: [Group] {
      (earlier ?? []) + [Group(challenges: challenges, dns: dns)]
    }
  }

  /// The maximum number of earlier runs whose challenges are kept.
  private static let most = 20

  package let state: StateDirectory

  package init(state: StateDirectory) {
    self.state = state
  }

  func groups(of name: LineageName) throws -> [Group] {
    try file(name).read()?.groups.filter { !$0.challenges.isEmpty } ?? []
  }

  /// Returns the challenges of a lineage that may still be visible.
  func challenges(of name: LineageName) throws -> [PresentedChallenge] {
    try groups(of: name).flatMap(\.challenges)
  }

  /// Returns the path of the file, for messages.
  package func path(of name: LineageName) -> String { "\(state.path)/journal/\(name).json" }

  func record(
    _ challenges: [PresentedChallenge], by dns: DNSSettings? = nil, of name: LineageName
  ) throws {
    let earlier = (try? groups(of: name)) ?? []
    try state.create()
    try state.journal.create(StateDirectory.closed)
    try keep(earlier.suffix(Self.most) + [Group(challenges: challenges, dns: dns)], of: name)
  }

  func clear(_ name: LineageName) throws {
    try keep(((try? groups(of: name)) ?? []).dropLast(), of: name)
  }

  func keep(_ groups: [Group], of name: LineageName) throws {
    if groups.isEmpty {
      try state.journal.remove("\(name).json")
    } else {
      try file(name).write(Entry(groups))
    }
  }

  private func file(_ name: LineageName) -> StateFile<Entry> {
    StateFile(folder: state.journal, name: "\(name).json", version: Entry.formatVersion)
  }
}
