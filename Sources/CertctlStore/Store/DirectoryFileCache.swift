package import ACME
package import CertctlBase
import CertctlCrypto
import CertctlSystem
import FoundationEssentials

/// The cache of CA directories on disk, whose entries are valid for a day.
package struct DirectoryFileCache: DirectoryCache {
  private struct Entry: Codable, Sendable {
    static let formatVersion = 1

    var version = Entry.formatVersion
    let url: String
    let date: Date
    let directory: Directory
  }

  /// How long a cached directory is valid, in seconds.
  static let lifetime: TimeInterval = 24 * 3600

  let state: StateDirectory
  let clock: WallClock

  /// Creates the cache of a state directory.
  package init(state: StateDirectory, clock: WallClock) {
    self.state = state
    self.clock = clock
  }

  /// Returns the cached directory if it was stored within the last day.
  package func directory(for url: String) async -> Directory? {
    let file = file(for: url)
    // A damaged entry is not an error: the directory is requested from the CA.
    guard let entry = try? await Blocking.run({ try file.read() }), entry.url == url else {
      return nil
    }
    let age = clock.now().timeIntervalSince(entry.date)
    return (0..<Self.lifetime).contains(age) ? entry.directory : nil
  }

  /// Stores a directory that the CA has just sent.
  package func store(_ directory: Directory, for url: String) async {
    let (state, file) = (state, file(for: url))
    let entry = Entry(url: url, date: clock.now(), directory: directory)
    // A failed write only costs one request in the next run.
    try? await Blocking.run {
      try state.create()
      try state.folder("cache").create(StateDirectory.closed)
      try state.directoryCache.create(StateDirectory.closed)
      // There is no lock: this may remove another run's file, whose write then fails silently.
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
