import CertctlBase
package import CertctlCore
import CertctlCrypto
package import CertctlStore
import CertctlSystem

/// A directory of certificate copies, for an nginx that cannot follow the links of the state
/// directory.
///
/// Key and chain are in one file, `<folder>/<lineage>/combined.pem`, so that one rename replaces
/// both. Owner, group and mode are those of the lineage's key.
package struct CertificateCopy: Sendable {
  /// The absolute path of the directory on this host.
  package let folder: String

  package init(folder: String) {
    self.folder = folder
  }

  static let fileName = "combined.pem"

  /// Returns the lineage that a path in the directory belongs to.
  func lineage(of path: String) -> String? {
    guard path.hasPrefix("\(folder)/") else { return nil }
    return path.dropFirst(folder.count + 1).split(separator: "/").first.map(String.init)
  }

  /// Returns whether this lineage has a copy.
  func has(_ name: LineageName) -> Bool {
    let place = DurableFolder.folderAndName(of: "\(folder)/\(name)")
    return (try? place.folder.kind(of: place.name)) == .folder
  }

  /// Returns the changes that copy a generation.
  @Disk package func changes(
    for name: LineageName, _ certificate: IssuedCertificate, _ files: FileSettings
  ) throws -> [FileChange] {
    guard let key = certificate.key else {
      throw CertctlError(
        .refused, "cannot copy \(name) to \(folder): its private key is not stored here",
        hint: "leave out --deploy-copy, and deploy the certificate and key with a hook")
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
