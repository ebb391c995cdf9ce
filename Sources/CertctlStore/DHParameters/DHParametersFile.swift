import CertctlBase
import CertctlCore
package import CertctlCrypto
import CertctlSystem
import FoundationEssentials

/// The file that `ssl_dhparam` names.
package struct DHParametersFile: Sendable {
  /// Where it is, from the root on.
  package let path: String

  private let folder: DurableFolder
  private let name: String

  /// Names a file; nothing is looked at.
  ///
  /// - Parameter path: An absolute path.
  /// - Throws: `CertctlError` with code `usage` for a path that cannot be that of a file.
  package init(path: String) throws {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let name = parts.last ?? ""
    guard path.hasPrefix("/"), !["", ".", ".."].contains(name) else {
      throw CertctlError(
        .usage, "'\(path)' is no path of a file",
        hint: "name the file itself, such as /etc/nginx/dhparam.pem")
    }
    let parent = parts.dropLast().joined(separator: "/")
    folder = DurableFolder(path: parent.isEmpty ? "/" : parent, root: parent.isEmpty ? "/" : parent)
    self.path = path
    self.name = name
  }

  /// Reads the parameters that are in the file.
  ///
  /// - Throws: `CertctlError`, `HostError` or `CryptoError`.
  package func read() async throws -> DHParameters {
    guard let bytes = try await contents() else {
      throw CertctlError(.notFound, "there is no file \(path)")
    }
    return try DHParameters(pem: bytes)
  }

  /// Looks whether the file may be written, before the work is done that fills it.
  ///
  /// - Parameters:
  ///   - parameters: What is to be in it; nil when that is not known yet.
  ///   - force: Whether other contents may be replaced.
  /// - Returns: Whether there is anything to write.
  /// - Throws: `CertctlError` with code `refused` when it holds something else, or is no plain file.
  package func needsWriting(
    _ parameters: DHParameters? = nil, force: Bool
  ) async throws -> Bool {
    let link = try await Blocking.run { [folder, name] in
      // It fails where there is no link.
      try? folder.linkTarget(name)
    }
    if let link {
      throw CertctlError(
        .refused, "\(path) is a link to \(link)",
        hint: "name the file itself")
    }
    guard let old = try await contents() else {
      try checkFolder()
      return true
    }
    if let parameters, old == parameters.pem { return false }
    guard force else {
      throw CertctlError(
        .refused, "\(path) is there already, with other contents",
        hint: "--force replaces it")
    }
    return true
  }

  /// Writes the file in one step, readable by everybody: nothing in it is secret.
  package func write(_ parameters: DHParameters) async throws {
    try await advising {
      try await Blocking.run { [folder, name] in
        try folder.write(name, parameters.pem, FileAttributes(mode: 0o644))
      }
    }
  }

  /// Finds before an hour of work what the writing would find after it.
  private func checkFolder() throws {
    var isFolder = false
    guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder
    else { throw CertctlError(.state, "there is no folder \(folder.path)", hint: "make it first") }
    guard FileManager.default.isWritableFile(atPath: folder.path) else {
      throw CertctlError(
        .state, "this user may not write in \(folder.path)",
        hint: "run it as root, with sudo, or name another file")
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
        "run it as root, with sudo, or name another file")
    }
  }
}
