import CertctlBase
import CertctlSystem

/// The part of an nginx configuration outside all blocks, which can load modules.
///
/// Each file is checked before it is read, and each must be readable, because an unread file could
/// load anything.
struct NginxMainContext {
  /// The files that are read outside all blocks, including the main file.
  private(set) var files: Set<String> = []
  /// The paths of the modules as written; relative ones start at the prefix.
  private(set) var modules: [String] = []
  /// The base directory of relative includes.
  private let folder: String

  /// A limit that no real installation reaches.
  private static let limit = 1000

  /// Reads the main file and its includes.
  ///
  /// - Parameters:
  ///   - main: The absolute path of the main file.
  ///   - directives: The value of `-g`, which comes before the main file.
  /// - Throws: `HostError` with code `unsafePath` for a file that others can change, or the
  ///   system's error for a file that cannot be read.
  @Disk init(main: String, directives: String?) throws(HostError) {
    folder = DurableFolder.folderAndName(of: main).folder.path
    if let directives { try take(directives + ";") }
    try read(main)
  }

  private mutating func read(_ path: String) throws(HostError) {
    guard files.insert(path).inserted else { return }
    guard files.count <= Self.limit else {
      throw HostError(
        .unsafePath, operation: "read", subject: path,
        detail: "more than \(Self.limit) files are included outside blocks")
    }
    _ = try TrustedPath(path, .settings)
    let (folder, name) = DurableFolder.folderAndName(of: path)
    guard let bytes = try folder.read(name, limit: 16 << 20) else {
      throw HostError(.notFound, operation: "read", subject: path)
    }
    try take(String(decoding: bytes, as: UTF8.self))
  }

  private mutating func take(_ text: String) throws(HostError) {
    for directive in NginxDirective.parse(text) {
      guard let value = directive.value else { continue }
      switch directive.name {
      case "load_module": modules.append(value)
      case "include": try include(value.hasPrefix("/") ? value : "\(folder)/\(value)")
      default: break
      }
    }
  }

  private mutating func include(_ pattern: String) throws(HostError) {
    let hasWildcard = { (text: Substring) in text.contains { "*?[".contains($0) } }
    let parents = pattern.split(separator: "/").dropLast()
    guard hasWildcard(pattern[...]) else {
      // If no file exists, nobody else may be able to create it.
      guard FileFacts(path: pattern) != nil else {
        _ = try TrustedPath.ifPresent(pattern, .file)
        return
      }
      return try read(pattern)
    }
    let plain = parents.prefix { !hasWildcard($0) }
    _ = try TrustedPath.ifPresent("/" + plain.joined(separator: "/"), .folder)
    if plain.count < parents.count {
      // The slash at the end matches directories only.
      for folder in PathPattern.paths(matching: "/" + parents.joined(separator: "/") + "/") {
        _ = try TrustedPath.ifPresent(folder, .folder)
      }
    }
    for path in PathPattern.paths(matching: pattern) { try read(path) }
  }
}
