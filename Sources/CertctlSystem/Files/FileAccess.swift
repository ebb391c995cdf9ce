internal import Glibc

extension FileFacts {
  /// Whether this process may write to a file, or make files in a folder; blocks.
  ///
  /// Also false where a file system is mounted read-only.
  package static func mayWrite(_ path: String) -> Bool {
    guard !path.utf8.contains(0) else { return false }
    return unsafe access(path, W_OK) == 0
  }
}
