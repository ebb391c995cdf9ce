import HostIO

/// An nginx, and where its configuration lies.
struct NginxPlace: Sendable {
  /// How to test it, to reload it, and to translate its paths.
  let nginx: RunningNginx
  /// The folder of the main file, as nginx sees it: "/etc/nginx".
  let folder: String
  /// The same folder, as this host sees it.
  let hostFolder: String
  /// What it says against the configuration as it is; nil when it accepts it.
  let complaint: String?
  /// The configuration as it is.
  let configuration: NginxConfiguration

  /// The path, as this host sees it, of something in the folder.
  func hostPath(_ relative: String) -> String { "\(hostFolder)/\(relative)" }

  /// The path, as nginx sees it, of something in the folder.
  func path(_ relative: String) -> String { "\(folder)/\(relative)" }

  /// The path within the folder of something that this host sees there; nil when it is elsewhere.
  func relative(_ hostPath: String) -> String? {
    hostPath.hasPrefix("\(hostFolder)/") ? String(hostPath.dropFirst(hostFolder.count + 1)) : nil
  }
}
