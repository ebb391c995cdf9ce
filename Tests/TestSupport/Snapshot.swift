import FoundationEssentials
package import Testing

/// Expects a text to be the same as in `Fixtures`, where texts that people read are pinned.
///
/// `make snapshots` writes all of them again; look at the difference before you commit it.
///
/// - Parameters:
///   - text: The text.
///   - name: The path of its file below `Fixtures`, or from the top of the checkout with a `/` before it.
///   - sourceLocation: Where the test is.
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
