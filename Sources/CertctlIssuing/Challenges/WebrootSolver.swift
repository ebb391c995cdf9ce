import ACME
import CertctlBase
package import CertctlCore
package import CertctlDNS
package import CertctlStore
import CertctlSystem
import Synchronization

/// The solver of http-01 with files in the webroot of an existing web server.
///
/// A webroot often belongs to another user. Therefore each folder is opened without following
/// links, no existing file is overwritten, and only files with the solver's own contents are
/// removed.
package final class WebrootSolver: ChallengeSolver {
  /// Files outlive the process.
  package static let persistsAfterExit = true

  private static let folders = KeyAuthorization.httpFolder.split(separator: "/").map(String.init)

  private let webroot: String
  /// How many of the challenge folders certctl created and must remove.
  private let made = Mutex(0)

  /// Creates a solver for the webroot of these settings.
  package init(settings: ChallengeSettings, context: SolverContext) {
    webroot = settings.webroot ?? ""
  }

  /// Creates the challenge folder, so that a wrong or unwritable webroot is detected early.
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

  /// Removes the files if their contents are unchanged, and the folders if they are empty.
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

  /// Runs `body` in the challenge folder, which is created if it is missing.
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
          // Another order, of this run or another process, finished and removed the empty folder.
          continue
        }
      }
      return most
    }
    made.withLock { $0 = max($0, count) }
  }
}
