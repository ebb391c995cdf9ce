import FoundationEssentials
import Glibc

/// A folder of its own for one test, mode 0700.
package struct TemporaryFolder: Sendable {
  package let path: String

  /// Makes a folder that stays until `remove()`; tests use `withTemporaryFolder` instead.
  package init(label: String = "test") throws {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    var template = Array("\(parent)/certctl-\(label)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw HarnessError("cannot make a folder in \(parent): \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Names a folder that is there, or will be.
  package init(existing path: String) { self.path = path }

  /// The path of something in the folder.
  package func path(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file, making the folders on its way, and returns its path.
  @discardableResult
  package func write(_ name: String, _ text: String) throws -> String {
    let file = path(name)
    if let slash = name.lastIndex(of: "/") { try makeFolder(String(name[..<slash])) }
    try Data(text.utf8).write(to: URL(filePath: file))
    return file
  }

  /// Makes a folder in the folder and returns its path.
  @discardableResult
  package func makeFolder(_ name: String) throws -> String {
    try FileManager.default.createDirectory(
      atPath: path(name), withIntermediateDirectories: true)
    return path(name)
  }

  /// The text of a file, or nil when there is none.
  package func read(_ name: String) -> String? { readText(path(name)) }

  /// Whether there is a file, folder or link (a dangling one too) of that name.
  package func contains(_ name: String) -> Bool {
    var status = stat()
    return lstat(path(name), &status) == 0
  }

  /// Where a symbolic link points, or nil when there is none.
  package func linkTarget(_ name: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: path(name))
  }

  /// Deletes the folder and what is in it.
  package func remove() {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Deletes a file, link or folder in the folder; one that is not there is fine.
  package func remove(_ name: String) {
    try? FileManager.default.removeItem(atPath: path(name))
  }

  /// The relative paths of all that is in the folder, at any depth; links are not followed.
  package func contents() -> [String] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

/// Runs a test's body with a folder that is gone afterwards.
///
/// With `CERTCTL_KEEP_TEST_FOLDERS` set in the environment the folder stays, and its path is
/// printed: for looking at what a failed test left behind.
package func withTemporaryFolder<Result>(
  label: String = "test", _ body: (TemporaryFolder) async throws -> Result
) async throws -> Result {
  let folder = try TemporaryFolder(label: label)
  defer {
    if ProcessInfo.processInfo.environment["CERTCTL_KEEP_TEST_FOLDERS"] == nil {
      folder.remove()
    } else {
      print("kept \(folder.path)")
    }
  }
  return try await body(folder)
}

/// The text of a file, or nil when it cannot be read; bytes that are not UTF-8 are replaced.
package func readText(_ path: String) -> String? {
  FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
}
