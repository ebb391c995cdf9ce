import CertctlBase
import CertctlCore
package import CertctlCrypto
import CertctlSystem
import FoundationEssentials

/// The file for the nginx directive `ssl_dhparam`.
package struct DHParametersFile: Sendable {
  /// The absolute path.
  package let path: String

  private let folder: DurableFolder
  private let name: String

  /// Creates a reference to a file, without touching the disk.
  ///
  /// - Parameter path: An absolute path.
  /// - Throws: `CertctlError` with code `usage` for a path that cannot be a file's.
  package init(path: String) throws {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let name = parts.last ?? ""
    guard path.hasPrefix("/"), !["", ".", ".."].contains(name) else {
      throw CertctlError(
        .usage, "'\(path)' is not the path of a file",
        hint: "use a path such as /etc/nginx/dhparam.pem")
    }
    let parent = parts.dropLast().joined(separator: "/")
    folder = DurableFolder(path: parent.isEmpty ? "/" : parent, root: parent.isEmpty ? "/" : parent)
    self.path = path
    self.name = name
  }

  /// Reads the parameters from the file.
  ///
  /// - Throws: `CertctlError`, `HostError` or `CryptoError`.
  package func read() async throws -> DHParameters {
    guard let bytes = try await contents() else {
      throw CertctlError(.notFound, "cannot read \(path): the file does not exist")
    }
    return try DHParameters(pem: bytes)
  }

  /// Checks whether the file may be written, before the parameters are generated.
  ///
  /// - Parameters:
  ///   - parameters: The parameters to write; nil if they are not known yet.
  ///   - force: Whether to replace other contents.
  /// - Returns: Whether the file needs to be written.
  /// - Throws: `CertctlError` with code `refused` if it has other contents or is a link.
  package func needsWriting(
    _ parameters: DHParameters? = nil, force: Bool
  ) async throws -> Bool {
    let link = try await Blocking.run { [folder, name] in
      // This fails if the path is not a link.
      try? folder.linkTarget(name)
    }
    if let link {
      throw CertctlError(
        .refused, "cannot write \(path): it is a symbolic link to \(link)",
        hint: "use the path of the file that it points to")
    }
    guard let old = try await contents() else {
      try checkFolder()
      return true
    }
    if let parameters, old == parameters.pem { return false }
    guard force else {
      throw CertctlError(
        .refused, "cannot write \(path): the file exists with other contents",
        hint: "use --force to replace it")
    }
    return true
  }

  /// Writes the file in one step, readable by all users because it contains no secrets.
  package func write(_ parameters: DHParameters) async throws {
    try await advising {
      try await Blocking.run { [folder, name] in
        try folder.write(name, parameters.pem, FileAttributes(mode: 0o644))
      }
    }
  }

  /// Finds errors that would otherwise surface only when the file is written, an hour later.
  private func checkFolder() throws {
    var isFolder = false
    guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder
    else {
      throw CertctlError(
        .state, "the directory \(folder.path) does not exist", hint: "create it first")
    }
    guard FileManager.default.isWritableFile(atPath: folder.path) else {
      throw CertctlError(
        .state, "cannot write to the directory \(folder.path): permission denied",
        hint: "run certctl as root, or use another file")
    }
  }

  private func contents() async throws -> [UInt8]? {
    try await advising { try await Blocking.run { [folder, name] in try folder.read(name) } }
  }

  private func advising<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let error as HostError where error.code == .permissionDenied {
      throw CertctlError(wrapping: error).advising(
        "run certctl as root, or use another file")
    }
  }
}
