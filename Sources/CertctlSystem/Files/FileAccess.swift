internal import Glibc

extension FileFacts {
  /// Returns whether this process may write to a file, or create files in a directory; blocks.
  ///
  /// Also false on a file system that is mounted read-only.
  package static func mayWrite(_ path: String) -> Bool {
    guard !path.utf8.contains(0) else { return false }
    return unsafe access(path, W_OK) == 0
  }
}
