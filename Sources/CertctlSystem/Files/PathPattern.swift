internal import Glibc

/// Path patterns of shells and servers: `*`, `?` and `[...]` within one component.
package enum PathPattern {
  /// Returns whether a path matches the pattern.
  package static func matches(_ path: String, _ pattern: String) -> Bool {
    unsafe fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0
  }

  /// Returns the sorted paths on this host that match the pattern; blocks.
  package static func paths(matching pattern: String) -> [String] {
    var found = unsafe glob_t()
    defer { unsafe globfree(&found) }
    guard unsafe glob(pattern, 0, nil, &found) == 0, let list = unsafe found.gl_pathv else {
      return []
    }
    return unsafe (0..<Int(found.gl_pathc)).compactMap { index in
      unsafe list[index].map { unsafe String(cString: $0) }
    }
  }
}
