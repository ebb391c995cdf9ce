import CertctlBase
import CertctlSystem
import FoundationEssentials

/// The container of an nginx: its engine, mounts and addresses.
package struct NginxContainer: Sendable {
  /// A mount of the container.
  struct Mount: Sendable, Equatable {
    /// The kind: a directory of the host, a volume of the engine, or something else.
    enum Kind: Sendable, Equatable { case bind, volume, other }

    var kind: Kind
    /// The path on the host, also for a volume.
    var source: String
    /// The path in the container.
    var destination: String
    /// Whether the container can write to it.
    var isWritable: Bool
  }

  /// The name, as the engine knows it.
  package let name: String
  /// The engine that runs it.
  let engine: any ContainerEngine
  /// The engine's information about it.
  let inspection: ContainerInspection
  /// Its mounts.
  let mounts: [Mount]

  /// Creates a container from the engine's information.
  init(_ inspection: ContainerInspection, name: String, engine: any ContainerEngine) {
    self.name = name
    self.engine = engine
    self.inspection = inspection
    mounts = inspection.mounts.compactMap { mount in
      guard mount.destination.hasPrefix("/") else { return nil }
      let kind: Mount.Kind =
        switch mount.kind {
        case _ where !mount.source.hasPrefix("/"): .other
        case "bind": .bind
        case "volume": .volume
        default: .other
        }
      return Mount(
        kind: kind, source: mount.source.withoutTrailingSlashes,
        destination: mount.destination.withoutTrailingSlashes, isWritable: mount.isWritable)
    }
  }

  // MARK: - Paths

  /// Returns the mount that provides a path of the container.
  func mount(at serverPath: String) -> Mount? {
    mounts.filter { serverPath.isInside($0.destination) }
      .max { $0.destination.utf8.count < $1.destination.utf8.count }
  }

  /// Returns the host path of a container path; nil if it is not mounted from this host.
  func hostPath(_ serverPath: String) -> String? {
    // A container's path must not lead outside its mounts.
    guard !serverPath.components.contains(".."), let mount = mount(at: serverPath),
      mount.kind != .other
    else { return nil }
    return serverPath.moved(from: mount.destination, to: mount.source)
  }

  /// Returns the container path of a host path; nil if it is not mounted.
  func serverPath(_ hostPath: String) -> String? {
    let path = hostPath.withoutTrailingSlashes
    let byName = mounts.filter { $0.kind != .other && path.isInside($0.source) }
      .map { ($0, path.moved(from: $0.source, to: $0.destination)) }
    let candidates = byName + [sameFolder(path)].compactMap { $0 }
    // A nested mount hides the contents of the outer one at its place.
    return candidates.filter { mount(at: $0.1) == $0.0 }
      .max { $0.0.source.utf8.count < $1.0.source.utf8.count }?.1
  }

  /// Finds a mount of a directory on the path that has another name in the mount list, because of
  /// symbolic links, bind mounts on the host or volumes that are directories.
  private func sameFolder(_ path: String) -> (Mount, String)? {
    let sources = mounts.filter { $0.kind != .other }
      .compactMap { mount in FileFacts(path: mount.source).map { (mount, $0.identity) } }
    var folder = path
    while folder.count > 1 {
      if let identity = FileFacts(path: folder)?.identity,
        let mount = sources.first(where: { $0.1 == identity })?.0
      {
        return (mount, path.moved(from: folder, to: mount.destination))
      }
      folder = folder.parentFolder
    }
    return nil
  }

  // MARK: - Network

  /// Whether it uses the network of the host.
  var isOnHostNetwork: Bool { inspection.networkMode == "host" }

  /// The file of this host that the container sees as `/etc/resolv.conf`.
  package var resolverFile: String? { inspection.resolverFile }

  /// Returns the address at which this host reaches an address of nginx in the container.
  ///
  /// - Returns: A published port, as other clients use it, or else the container's own address; nil
  ///   if there is neither.
  func endpoint(_ listen: Endpoint) -> Endpoint? {
    if isOnHostNetwork { return listen }
    let isIPv6 = listen.host.contains(":")
    let addresses = inspection.networks.sorted { $0.key < $1.key }.flatMap(\.value)
      .filter { $0.contains(":") == isIPv6 }
    let published = (inspection.ports["\(listen.port)/tcp"] ?? [])
      // Engines also publish on IPv6 for containers without IPv6, and forward it to IPv4.
      .filter { $0.port > 0 && $0.host.contains(":") == isIPv6 && (!isIPv6 || !addresses.isEmpty) }
      .map { Endpoint(host: Self.reachable($0.host), port: $0.port) }
    return published.first ?? addresses.first.map { Endpoint(host: $0, port: listen.port) }
  }

  private static func reachable(_ host: String) -> String {
    ["": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host
  }
}
