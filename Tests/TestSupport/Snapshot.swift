import FoundationEssentials
package import Testing

/// Expects a text to equal its snapshot in `Fixtures`.
///
/// `make snapshots` rewrites all snapshots; review the diff before you commit it.
///
/// - Parameters:
///   - text: The text.
///   - name: The file's path below `Fixtures`; with a leading `/`, below the top of the checkout.
///   - sourceLocation: The location of the test.
/// - Throws: An error of the file system.
package func expectSnapshot(
  _ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let path = Checkout.path(name.hasPrefix("/") ? String(name.dropFirst()) : "Fixtures/\(name)")
  if ProcessInfo.processInfo.environment["CERTCTL_UPDATE_FIXTURES"] != nil {
    let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: nil)
    try Data(text.utf8).write(to: URL(filePath: path))
  }
  guard let pinned = readText(path) else {
    Issue.record("no \(path): run: make snapshots", sourceLocation: sourceLocation)
    return
  }
  #expect(text == pinned, "\(path) is stale: run: make snapshots", sourceLocation: sourceLocation)
}
