import CertctlBase
import CertctlSystem
import FoundationEssentials

/// The container in which an nginx runs: its mounts, its addresses, and who may ask it.
package struct NginxContainer: Sendable {
  /// A place where something of the host is mounted.
  struct Mount: Sendable, Equatable {
    /// How: by a folder of the host, by a volume of the engine, or by neither.
    enum Kind: Sendable, Equatable { case bind, volume, other }

    var kind: Kind
    /// The path on the host; of a volume too.
    var source: String
    /// The path in the container.
    var destination: String
    /// Whether the container may write there.
    var isWritable: Bool
  }

  /// Its name, as the engine knows it.
  package let name: String
  /// Who runs it.
  let engine: any ContainerEngine
  /// What the engine said about it.
  let inspection: ContainerInspection
  /// Its mounts.
  let mounts: [Mount]

  /// Describes the container that an engine told about.
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

  /// The mount that decides what a path of the container is.
  func mount(at serverPath: String) -> Mount? {
    mounts.filter { serverPath.isInside($0.destination) }
      .max { $0.destination.utf8.count < $1.destination.utf8.count }
  }

  /// Where this host sees what the container sees at a path; nil when it is not mounted from here.
  func hostPath(_ serverPath: String) -> String? {
    // A container must not lead us out of what it has of this host.
    guard !serverPath.components.contains(".."), let mount = mount(at: serverPath),
      mount.kind != .other
    else { return nil }
    return serverPath.moved(from: mount.destination, to: mount.source)
  }

  /// Where the container sees a path of this host; nil when it is not mounted.
  func serverPath(_ hostPath: String) -> String? {
    let path = hostPath.withoutTrailingSlashes
    let byName = mounts.filter { $0.kind != .other && path.isInside($0.source) }
      .map { ($0, path.moved(from: $0.source, to: $0.destination)) }
    let candidates = byName + [sameFolder(path)].compactMap { $0 }
    // A mount below another one hides what the outer one has there.
    return candidates.filter { mount(at: $0.1) == $0.0 }
      .max { $0.0.source.utf8.count < $1.0.source.utf8.count }?.1
  }

  /// Finds a mount whose source is a folder on the way to the path under another name: through
  /// symbolic links, mounts of the host's own, or a volume that is made of a folder.
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

  /// Whether it shares the network of the host.
  var isOnHostNetwork: Bool { inspection.networkMode == "host" }

  /// The file of this host that the container sees as `/etc/resolv.conf`.
  package var resolverFile: String? { inspection.resolverFile }

  /// Where this host reaches an address on which nginx listens in the container.
  ///
  /// - Returns: A published port before the container's own address, as others come that way too;
  ///   nil when neither is there.
  func endpoint(_ listen: Endpoint) -> Endpoint? {
    if isOnHostNetwork { return listen }
    let isIPv6 = listen.host.contains(":")
    let addresses = inspection.networks.sorted { $0.key < $1.key }.flatMap(\.value)
      .filter { $0.contains(":") == isIPv6 }
    let published = (inspection.ports["\(listen.port)/tcp"] ?? [])
      // Engines publish on IPv6 for containers without it as well, and carry it to IPv4 there.
      .filter { $0.port > 0 && $0.host.contains(":") == isIPv6 && (!isIPv6 || !addresses.isEmpty) }
      .map { Endpoint(host: Self.reachable($0.host), port: $0.port) }
    return published.first ?? addresses.first.map { Endpoint(host: $0, port: listen.port) }
  }

  private static func reachable(_ host: String) -> String {
    ["": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host
  }
}
