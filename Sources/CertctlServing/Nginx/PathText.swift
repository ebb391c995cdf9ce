import FoundationEssentials

/// Operations on paths.
extension String {
  /// The path without slashes at its end.
  var withoutTrailingSlashes: String {
    var path = Substring(self)
    while path.utf8.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  /// Returns whether the path is `folder` or is below it.
  func isInside(_ folder: String) -> Bool {
    self == folder || folder == "/" || hasPrefix("\(folder)/")
  }

  /// Returns the path with the directory at its start replaced.
  func moved(from folder: String, to other: String) -> String {
    let rest = folder == "/" ? self : String(dropFirst(folder.count))
    if rest.isEmpty || rest == "/" { return other }
    return other == "/" ? rest : other + rest
  }

  /// The parent directory.
  var parentFolder: String {
    guard let slash = lastIndex(of: "/"), slash != startIndex else { return "/" }
    return String(self[..<slash])
  }

  /// The components of the path, without empty ones and ".".
  var components: [String] {
    split(separator: "/").map(String.init).filter { $0 != "." }
  }

  /// The path with all symbolic links resolved; blocks.
  package var resolvingLinks: String { URL(filePath: self).resolvingSymlinksInPath().path }
}
