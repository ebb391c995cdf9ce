import ACME
import CertctlBase
package import CertctlCore
package import CertctlDNS
package import CertctlStore
import CertctlSystem
import Synchronization

/// http-01 through a web server that is already there: files below its root.
///
/// A webroot often belongs to someone else than the user who runs certctl, so each folder is
/// opened without following links, files are made only where nothing is, and only files that
/// hold our own words are removed.
package final class WebrootSolver: ChallengeSolver {
  /// Files stay when the process dies.
  package static let persistsAfterExit = true

  private static let folders = KeyAuthorization.httpFolder.split(separator: "/").map(String.init)

  private let webroot: String
  /// How many of the challenge folders were made here, and so go again.
  private let made = Mutex(0)

  /// A solver for the webroot of these settings.
  package init(settings: ChallengeSettings, context: SolverContext) {
    webroot = settings.webroot ?? ""
  }

  /// Makes the challenge folder, so that a wrong or closed webroot is found at once.
  package func prepare() async throws {
    try await inFolder { _ in }
  }

  /// Writes one file for each challenge.
  package func present(_ challenges: [PresentedChallenge]) async throws {
    for proof in challenges.compactMap(\.keyAuthorization) {
      try await inFolder { folder in
        try folder.create(proof.token, Array(proof.string.utf8), mode: 0o644)
      }
    }
  }

  /// Removes the files that hold our own words, and the folders when they are empty.
  package func cleanUp(_ challenges: [PresentedChallenge]) async throws {
    let count = made.withLock { $0 }
    try await UntrustedFolder.within(webroot) { root in
      let folder = root.folder(Self.folders)
      for proof in challenges.compactMap(\.keyAuthorization) {
        try folder.removeIfOurs(proof.token, Array(proof.string.utf8))
      }
      try folder.removeEmptyFolders(count)
    }
  }

  /// Does something in the challenge folder, which is made first where it is missing.
  private func inFolder(_ body: @escaping @Sendable (UntrustedFolder) throws -> Void) async throws {
    let count = try await UntrustedFolder.within(webroot) { root in
      var most = 0
      for attempt in 1... {
        do {
          let (folder, made) = try root.makeFolders(Self.folders)
          most = max(most, made)
          try body(folder)
          break
        } catch let error as HostError where error.code == .notFound && attempt < 20 {
          // Another order that is done, of this run or of another process, removed the folder when
          // it found it empty.
          continue
        }
      }
      return most
    }
    made.withLock { $0 = max($0, count) }
  }
}
