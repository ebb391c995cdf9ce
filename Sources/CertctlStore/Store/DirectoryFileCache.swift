package import ACME
package import CertctlBase
import CertctlCrypto
import CertctlSystem
import FoundationEssentials

/// The CA directories of the last day, on disk: a run soon after another asks for none.
package struct DirectoryFileCache: DirectoryCache {
  private struct Entry: Codable, Sendable {
    static let formatVersion = 1

    var version = Entry.formatVersion
    let url: String
    let date: Date
    let directory: Directory
  }

  /// How long a directory is believed, in seconds.
  static let lifetime: TimeInterval = 24 * 3600

  let state: StateDirectory
  let clock: WallClock

  /// The cache in a state directory.
  package init(state: StateDirectory, clock: WallClock) {
    self.state = state
    self.clock = clock
  }

  /// The directory, when it was stored within the last day.
  package func directory(for url: String) async -> Directory? {
    let file = file(for: url)
    // A damaged cache is no error: the CA is asked.
    guard let entry = try? await Blocking.run({ try file.read() }), entry.url == url else {
      return nil
    }
    let age = clock.now().timeIntervalSince(entry.date)
    return (0..<Self.lifetime).contains(age) ? entry.directory : nil
  }

  /// Stores a directory that the CA just sent.
  package func store(_ directory: Directory, for url: String) async {
    let (state, file) = (state, file(for: url))
    let entry = Entry(url: url, date: clock.now(), directory: directory)
    // A cache that cannot be written costs one request next time, nothing else.
    try? await Blocking.run {
      try state.create()
      try state.folder("cache").create(StateDirectory.closed)
      try state.directoryCache.create(StateDirectory.closed)
      // There is no lock: what is swept may be another run's, whose write then fails in silence.
      try state.directoryCache.sweepTemporaries()
      try file.write(entry)
    }
  }

  private func file(for url: String) -> StateFile<Entry> {
    let hash = Digest.sha256(Array(url.utf8)).prefix(8).hexadecimal
    return StateFile(
      folder: state.directoryCache, name: "\(hash).json", version: Entry.formatVersion)
  }
}
