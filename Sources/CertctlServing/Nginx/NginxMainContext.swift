import CertctlBase
import CertctlSystem

/// The part of an nginx configuration outside of any block, which can name modules to load.
///
/// Each file is checked before it is read, and each must be readable: what is not seen here could
/// load anything.
struct NginxMainContext {
  /// The files that are read outside of any block, the main one among them.
  private(set) var files: Set<String> = []
  /// The modules, as they are written: relative paths begin at the prefix.
  private(set) var modules: [String] = []
  /// The folder where relative includes begin.
  private let folder: String

  /// No installation has as many.
  private static let limit = 1000

  /// Reads the main file, and what it includes.
  ///
  /// - Parameters:
  ///   - main: Its absolute path.
  ///   - directives: The text of `-g`, which stands before it.
  /// - Throws: `HostError` with code `unsafePath` for a file that others can change, or what the system
  ///   says of one that cannot be read.
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
        detail: "more than \(Self.limit) files are included outside of blocks")
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
      // Where nothing is, nobody may put it there.
      guard FileFacts(path: pattern) != nil else {
        _ = try TrustedPath.ifPresent(pattern, .file)
        return
      }
      return try read(pattern)
    }
    let plain = parents.prefix { !hasWildcard($0) }
    _ = try TrustedPath.ifPresent("/" + plain.joined(separator: "/"), .folder)
    if plain.count < parents.count {
      // The slash at the end leaves folders only.
      for folder in PathPattern.paths(matching: "/" + parents.joined(separator: "/") + "/") {
        _ = try TrustedPath.ifPresent(folder, .folder)
      }
    }
    for path in PathPattern.paths(matching: pattern) { try read(path) }
  }
}
