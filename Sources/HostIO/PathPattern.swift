internal import Glibc

/// Patterns for paths, as shells and servers read them: `*`, `?` and `[...]` within one component.
package enum PathPattern {
  /// Whether a path matches the pattern.
  package static func matches(_ path: String, _ pattern: String) -> Bool {
    unsafe fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0
  }
}
