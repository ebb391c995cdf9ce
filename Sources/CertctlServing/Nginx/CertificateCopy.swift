import CertctlBase
package import CertctlCore
import CertctlCrypto
package import CertctlStore
import CertctlSystem

/// Copies of certificates in a folder of their own, for an nginx that cannot follow the links of the
/// state directory.
///
/// Key and chain are in one file, `<folder>/<lineage>/combined.pem`, so that one rename changes both.
/// Owner, group and mode are those of the lineage's key.
package struct CertificateCopy: Sendable {
  /// The folder's absolute path on this host.
  package let folder: String

  package init(folder: String) {
    self.folder = folder
  }

  static let fileName = "combined.pem"

  /// The lineage that a path of this host, in the folder, is about.
  func lineage(of path: String) -> String? {
    guard path.hasPrefix("\(folder)/") else { return nil }
    return path.dropFirst(folder.count + 1).split(separator: "/").first.map(String.init)
  }

  /// Whether there is a copy of this lineage.
  func has(_ name: LineageName) -> Bool {
    let place = DurableFolder.folderAndName(of: "\(folder)/\(name)")
    return (try? place.folder.kind(of: place.name)) == .folder
  }

  /// The changes that put a generation there.
  @Disk package func changes(
    for name: LineageName, _ certificate: IssuedCertificate, _ files: FileSettings
  ) throws -> [FileChange] {
    guard let key = certificate.key else {
      throw CertctlError(
        .refused, "the key of \(name) is not here: it cannot be copied to \(folder)",
        hint: "leave out --deploy-copy, and put certificate and key there by a hook of your own")
    }
    let path = "\(folder)/\(name)"
    var changes = [
      FileChange(folder, .folder(StateDirectory.passable)),
      FileChange(path, .folder(try files.folderAttributes())),
      try file(path, certificate.chain, key, files),
    ]
    if let rsa = certificate.rsa {
      changes.append(FileChange("\(path)/rsa", .folder(try files.folderAttributes())))
      changes.append(try file("\(path)/rsa", rsa.chain, rsa.key, files))
    }
    return changes
  }

  private func file(
    _ path: String, _ chain: [Certificate], _ key: PrivateKey, _ files: FileSettings
  ) throws -> FileChange {
    let bytes = try key.pemRepresentation() + chain.flatMap(\.pem)
    return FileChange("\(path)/\(Self.fileName)", .file(bytes, try files.keyAttributes()))
  }
}
