public import ACME
import HostIO
import Synchronization

/// http-01 through a web server that is already there: files below its root.
///
/// A webroot often belongs to someone else than the user who runs certctl, so each folder is
/// opened without following links, files are made only where nothing is, and only files that
/// hold our own words are removed.
public final class WebrootSolver: ChallengeSolver {
  /// http-01.
  public static let type = ChallengeType.http01
  /// Files stay when the process dies.
  public static let outlivesProcess = true

  private static let folders = [".well-known", "acme-challenge"]

  private let webroot: String
  /// How many of the challenge folders were made here, and so go again.
  private let made = Mutex(0)

  /// http-01 with a webroot.
  public static func serves(_ settings: ChallengeSettings) -> Bool {
    settings.type == type && settings.webroot != nil
  }

  /// A solver for the webroot of these settings.
  public init(settings: ChallengeSettings) {
    webroot = settings.webroot ?? ""
  }

  /// Makes the challenge folder, so that a wrong or closed webroot is found at once.
  public func prepare() async throws {
    _ = try await folder()
  }

  /// Writes one file for each challenge.
  public func present(_ challenges: [PresentedChallenge]) async throws {
    let folder = try await folder()
    try await Blocking.run {
      for challenge in challenges {
        try folder.create(challenge.token, Array(challenge.keyAuthorization.utf8), mode: 0o644)
      }
    }
  }

  /// Removes the files that hold our own words, and the folders when they are empty.
  public func retract(_ challenges: [PresentedChallenge]) async throws {
    let (webroot, made) = (webroot, made.withLock { $0 })
    try await Blocking.run {
      let folder = try SafeFolder.open(webroot).folder(Self.folders)
      for challenge in challenges where challenge.hasValidToken {
        try folder.removeIfOurs(challenge.token, Array(challenge.keyAuthorization.utf8))
      }
      try folder.removeEmptyFolders(made)
    }
  }

  private func folder() async throws -> SafeFolder {
    let webroot = webroot
    let (folder, count) = try await Blocking.run {
      try SafeFolder.open(webroot).makeFolders(Self.folders)
    }
    made.withLock { $0 += count }
    return folder
  }
}
