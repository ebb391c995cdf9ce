import CertctlCore

/// A compose file for an nginx that certctl keeps: what `site compose` prints.
///
/// It is written so that Docker Compose 1.29 and 2 take it without a warning, and has nothing in it
/// that is not needed: no `version`, no `hostname`, nothing of certctl's but the certificates.
package struct ComposeFile: Sendable, Equatable {
  /// The name of the service and of its container, which `--nginx-container` takes.
  package let container: String
  /// The image, such as "nginx:stable".
  package let image: String
  /// The nginx folder on this host: an absolute path, or one that begins with "./".
  package let nginxFolder: String
  /// The folders with certificates, the same on both sides.
  package let certificateFolders: [String]
  /// The ports of this host for http and https.
  package let ports: (http: Int, https: Int)
  /// Whether https is also spoken over UDP.
  package let hasHTTP3: Bool
  /// The network that the upstream containers join.
  package let network: String

  /// Describes one.
  ///
  /// - Parameters:
  ///   - container: The name of the service and its container.
  ///   - image: The image; one with tar in it, as nginx's own have.
  ///   - nginxFolder: The nginx folder on this host.
  ///   - stateDirectory: certctl's state directory, of which `live` and `archive` are mounted.
  ///   - copy: The folder of copies that is mounted instead of them, if there is one.
  ///   - ports: The ports of this host.
  ///   - hasHTTP3: Whether https is also spoken over UDP.
  ///   - network: The name of the network.
  /// - Throws: `CertctlError` with code `usage` for what cannot stand in such a file.
  package init(
    container: String = "nginx", image: String = "nginx:stable", nginxFolder: String = "./nginx",
    stateDirectory: String, copy: String? = nil, ports: (http: Int, https: Int) = (80, 443),
    hasHTTP3: Bool = false, network: String = "proxy"
  ) throws {
    self.container = container
    self.image = image
    self.nginxFolder = nginxFolder.withoutTrailingSlashes
    let state = stateDirectory.withoutTrailingSlashes
    certificateFolders =
      copy.map { [$0.withoutTrailingSlashes] } ?? ["\(state)/live", "\(state)/archive"]
    self.ports = ports
    self.hasHTTP3 = hasHTTP3
    self.network = network
    try check()
  }

  package static func == (one: ComposeFile, other: ComposeFile) -> Bool { one.text == other.text }

  /// The file.
  package var text: String {
    var lines = [
      "# nginx in front of other containers, kept by certctl: --nginx-container \(container)",
      "# Before the first start, fill the nginx folder, which no engine does by itself:",
      "#   mkdir -p \(nginxFolder)",
      "#   docker run --rm --entrypoint tar \(image) -C /etc/nginx -c . | tar -C \(nginxFolder) -x",
      "services:",
      "  \(container):",
      "    image: \(image)",
      "    container_name: \(container)",
      "    restart: unless-stopped",
      "    # Running requests end before nginx does.",
      "    stop_signal: SIGQUIT",
      "    ports:",
      "      - \"\(ports.http):80\"",
      "      - \"\(ports.https):443\"",
    ]
    if hasHTTP3 { lines.append("      - \"\(ports.https):443/udp\"") }
    lines += ["    volumes:", "      - \(nginxFolder):/etc/nginx:ro"]
    lines.append("      # Links lead from one folder to another: the places are the host's.")
    lines += certificateFolders.map { "      - \($0):\($0):ro" }
    lines += [
      "    networks:", "      - \(network)", "# Upstream containers join it.", "networks:",
      "  \(network):", "    name: \(network)",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: - Grammar

  private func check() throws {
    for name in [container, network] where !ContainerName.isValid(name) {
      throw Self.refusal("name", name)
    }
    // What a registry takes: host, port, path, tag, digest.
    guard let first = image.utf8.first, Self.isPlain(first), image.utf8.allSatisfy(Self.isPlain)
    else { throw Self.refusal("image", image) }
    let isRelative = nginxFolder.hasPrefix("./")
    guard Self.isPath(isRelative ? String(nginxFolder.dropFirst()) : nginxFolder) else {
      throw Self.refusal("nginx folder", nginxFolder)
    }
    for folder in certificateFolders where !Self.isPath(folder) {
      throw Self.refusal("folder", folder)
    }
    for port in [ports.http, ports.https] where !(1...65_535).contains(port) {
      throw Self.refusal("port", "\(port)")
    }
  }

  /// Compose files have their own meaning for ":", "$", "#" and quotes.
  private static func isPath(_ path: String) -> Bool {
    path.hasPrefix("/") && path.count > 1 && !path.components.contains("..")
      && path.utf8.allSatisfy { isPlain($0) && $0 != UInt8(ascii: ":") }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      || "/._-:@+,=".utf8.contains(byte)
  }

  private static func refusal(_ what: String, _ text: String) -> CertctlError {
    CertctlError(
      .usage, "the \(what) '\(text)' cannot stand in a compose file",
      hint: "use letters, digits, '.', '_' and '-', and '/' in paths")
  }
}
