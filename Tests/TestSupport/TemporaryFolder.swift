import FoundationEssentials
import Glibc

/// A temporary directory for one test, mode 0700.
package struct TemporaryFolder: Sendable {
  package let path: String

  /// Creates a directory that exists until `remove()`; tests use `withTemporaryFolder` instead.
  package init(label: String = "test") throws {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    var template = Array("\(parent)/certctl-\(label)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw HarnessError("cannot make a folder in \(parent): \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Refers to a directory that exists or will exist.
  package init(existing path: String) { self.path = path }

  /// Returns the path of an entry in the directory.
  package func path(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file, creating its parents, and returns its path.
  @discardableResult
  package func write(_ name: String, _ text: String) throws -> String {
    let file = path(name)
    if let slash = name.lastIndex(of: "/") { try makeFolder(String(name[..<slash])) }
    try Data(text.utf8).write(to: URL(filePath: file))
    return file
  }

  /// Creates a subdirectory and returns its path.
  @discardableResult
  package func makeFolder(_ name: String) throws -> String {
    try FileManager.default.createDirectory(
      atPath: path(name), withIntermediateDirectories: true)
    return path(name)
  }

  /// Returns the text of a file, or nil if it does not exist.
  package func read(_ name: String) -> String? { readText(path(name)) }

  /// Returns whether a file, directory or link (even a dangling one) of this name exists.
  package func contains(_ name: String) -> Bool {
    var status = stat()
    return lstat(path(name), &status) == 0
  }

  /// Returns the target of a symbolic link, or nil if there is none.
  package func linkTarget(_ name: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: path(name))
  }

  /// Deletes the directory and its contents.
  package func remove() {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Deletes an entry; does nothing if it does not exist.
  package func remove(_ name: String) {
    try? FileManager.default.removeItem(atPath: path(name))
  }

  /// Returns the sorted relative paths of all entries at any depth, without following links.
  package func contents() -> [String] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

/// Runs a test's body with a temporary directory, and deletes it afterwards.
///
/// If `CERTCTL_KEEP_TEST_FOLDERS` is set in the environment, the directory is kept and its path
/// is printed, to inspect a failed test.
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

/// Returns the text of a file, or nil if it cannot be read; replaces invalid UTF-8.
package func readText(_ path: String) -> String? {
  FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
}
