import FoundationEssentials

/// Paths as texts.
extension String {
  /// The path without slashes at its end.
  var withoutTrailingSlashes: String {
    var path = Substring(self)
    while path.utf8.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  /// Whether the path is `folder` or lies in it.
  func isInside(_ folder: String) -> Bool {
    self == folder || folder == "/" || hasPrefix("\(folder)/")
  }

  /// The path with its folder replaced by another one.
  func moved(from folder: String, to other: String) -> String {
    let rest = folder == "/" ? self : String(dropFirst(folder.count))
    if rest.isEmpty || rest == "/" { return other }
    return other == "/" ? rest : other + rest
  }

  /// The folder that the path lies in.
  var parentFolder: String {
    guard let slash = lastIndex(of: "/"), slash != startIndex else { return "/" }
    return String(self[..<slash])
  }

  /// The names that a path is made of, without empty ones and ".".
  var components: [String] {
    split(separator: "/").map(String.init).filter { $0 != "." }
  }

  /// The path with all its symbolic links followed; blocks.
  package var resolvingLinks: String { URL(filePath: self).resolvingSymlinksInPath().path }
}
