import CertctlCore
import CertctlStore
import CertctlSystem

/// An nginx, and where its configuration lies.
package struct NginxInstallation: Sendable {
  /// How to test it, to reload it, and to translate its paths.
  package let nginx: RunningNginx
  /// The folder of the main file, as nginx sees it: "/etc/nginx".
  package let folder: String
  /// The same folder, as this host sees it.
  package let hostFolder: String
  /// What it says against the configuration as it is; nil when it accepts it.
  package let complaint: String?
  /// The configuration as it is.
  let configuration: NginxConfiguration

  /// Where certctl puts the answers to http-01 challenges, below the folder; nginx serves them and
  /// reads no configuration there.
  package static let challenges = "certctl/challenges"

  /// The path, as this host sees it, of something in the folder.
  package func hostPath(_ relative: String) -> String { "\(hostFolder)/\(relative)" }

  /// The path, as nginx sees it, of something in the folder.
  func path(_ relative: String) -> String { "\(folder)/\(relative)" }

  /// Refuses changes in a container's folders that a link of the container leads elsewhere.
  ///
  /// Root in a container often has root's number on this host, and can write to mounts that are
  /// writable. Blocks.
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
        "a link in \(mount.source), which container \(container.name) can write, leads \(parent) to "
          + resolved,
        hint:
          "remove the link, and mount the folder read-only: \(mount.source):\(mount.destination):ro"
      )
    }
  }

  /// The path within the folder of something that this host sees there; nil when it is elsewhere.
  func relative(_ hostPath: String) -> String? {
    hostPath.hasPrefix("\(hostFolder)/") ? String(hostPath.dropFirst(hostFolder.count + 1)) : nil
  }
}
