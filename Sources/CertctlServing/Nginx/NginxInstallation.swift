import CertctlCore
import CertctlStore
import CertctlSystem

/// An nginx and the location of its configuration.
package struct NginxInstallation: Sendable {
  /// The running nginx.
  package let nginx: RunningNginx
  /// The directory of the main file, as nginx sees it: "/etc/nginx".
  package let folder: String
  /// The same directory, as this host sees it.
  package let hostFolder: String
  /// nginx's messages about the current configuration; nil if it accepts it.
  package let complaint: String?
  /// The current configuration.
  let configuration: NginxConfiguration

  /// The directory for http-01 challenges, relative to the configuration directory.
  ///
  /// nginx serves these files and reads no configuration there.
  package static let challenges = "certctl/challenges"

  /// Returns a path in the directory, as this host sees it.
  package func hostPath(_ relative: String) -> String { "\(hostFolder)/\(relative)" }

  /// Returns a path in the directory, as nginx sees it.
  func path(_ relative: String) -> String { "\(folder)/\(relative)" }

  /// Refuses changes in a container's mounts if a link in the mount leads out of it; blocks.
  ///
  /// Root in a container often has the same user ID as root on this host, and can write to writable
  /// mounts.
  ///
  /// - Throws: `CertctlError` with code `configuration`.
  func requireInside(_ changes: [FileChange]) throws {
    guard let container = nginx.container else { return }
    for change in changes {
      let parent = change.folderAndName.folder.path
      guard
        let mount = container.mounts.first(where: { $0.isWritable && parent.isInside($0.source) }),
        case let resolved = parent.resolvingLinks,
        !resolved.isInside(mount.source.resolvingLinks)
      else { continue }
      throw CertctlError(
        .configuration,
        "cannot write to \(parent): a link in \(mount.source), which container "
          + "\(container.name) can write to, leads to \(resolved)",
        hint: "remove the link and mount the directory read-only: "
          + "\(mount.source):\(mount.destination):ro"
      )
    }
  }

  /// Returns the path relative to the directory; nil if it is outside.
  func relative(_ hostPath: String) -> String? {
    hostPath.hasPrefix("\(hostFolder)/") ? String(hostPath.dropFirst(hostFolder.count + 1)) : nil
  }
}
