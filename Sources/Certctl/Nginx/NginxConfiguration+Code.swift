import HostIO

/// What has nginx run code: modules, and the files that can name them.
extension NginxConfiguration {
  /// The paths of the modules that are loaded, as they are written: relative ones begin at the prefix.
  var modules: [String] {
    expanded(files[main] ?? [], depth: 0).filter { $0.name == "load_module" }.compactMap(\.value)
  }

  /// The files that are read outside of any block, the main one among them: only these can load
  /// modules.
  var mainContextFiles: [String] {
    var found = [main]
    var index = 0
    while index < found.count {
      for pattern in includes(of: found[index]) {
        found += files.keys.filter { $0 == pattern || PathPattern.matches($0, pattern) }.sorted()
          .filter { !found.contains($0) }
      }
      index += 1
    }
    return found
  }

  /// The folders from which such files are taken, whatever lies in them now.
  var mainContextFolders: [String] {
    let patterns = mainContextFiles.flatMap(includes(of:))
    return Set(patterns.compactMap(Self.folder(of:))).sorted()
  }

  /// The files that are read inside of a block.
  var nestedFiles: [String] { Set(texts.keys).subtracting(mainContextFiles).sorted() }

  /// The patterns of the files that a file includes outside of any block.
  private func includes(of file: String) -> [String] {
    (files[file] ?? []).filter { $0.name == "include" }.compactMap(\.value).map(absolute)
  }

  /// The innermost folder of a pattern that has no wildcard in its own path.
  private static func folder(of pattern: String) -> String? {
    let components = pattern.split(separator: "/").dropLast()
    let plain = components.prefix { !$0.contains { "*?[".contains($0) } }
    return plain.isEmpty ? nil : "/" + plain.joined(separator: "/")
  }
}
