import CertctlCore

/// A compose file for an nginx that certctl manages, as printed by `site compose`.
///
/// Docker Compose 1.29 and 2 accept it without a warning. It contains only what is necessary: no
/// `version` and no `hostname`. Of the state directory it mounts only the certificates.
package struct ComposeFile: Sendable, Equatable {
  /// The name of the service and of its container, for `--nginx-container`.
  package let container: String
  /// The image, such as "nginx:stable".
  package let image: String
  /// The nginx directory on this host: an absolute path, or one that starts with "./".
  package let nginxFolder: String
  /// The directories with certificates, with the same paths on the host and in the container.
  package let certificateFolders: [String]
  /// The host ports for HTTP and HTTPS.
  package let ports: (http: Int, https: Int)
  /// Whether HTTPS also uses UDP.
  package let hasHTTP3: Bool
  /// The network that upstream containers join.
  package let network: String

  /// Creates a compose file.
  ///
  /// - Parameters:
  ///   - container: The name of the service and its container.
  ///   - image: The image. It must contain tar, like the official nginx images.
  ///   - nginxFolder: The nginx directory on this host.
  ///   - stateDirectory: certctl's state directory, of which `live` and `archive` are mounted.
  ///   - copy: The directory of copies to mount instead; nil for none.
  ///   - ports: The host ports.
  ///   - hasHTTP3: Whether HTTPS also uses UDP.
  ///   - network: The name of the network.
  /// - Throws: `CertctlError` with code `usage` for values that are invalid in a compose file.
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

  /// The contents of the file.
  package var text: String {
    var lines = [
      "# nginx as a proxy for other containers, managed by certctl: --nginx-container \(container)",
      "# Before the first start, fill the nginx directory:",
      "#   mkdir -p \(nginxFolder)",
      "#   docker run --rm --entrypoint tar \(image) -C /etc/nginx -c . | tar -C \(nginxFolder) -x",
      "services:",
      "  \(container):",
      "    image: \(image)",
      "    container_name: \(container)",
      "    restart: unless-stopped",
      "    # Lets nginx finish running requests before it stops.",
      "    stop_signal: SIGQUIT",
      "    ports:",
      "      - \"\(ports.http):80\"",
      "      - \"\(ports.https):443\"",
    ]
    if hasHTTP3 { lines.append("      - \"\(ports.https):443/udp\"") }
    lines += ["    volumes:", "      - \(nginxFolder):/etc/nginx:ro"]
    lines.append("      # Mounted at the host's paths, because links connect these directories.")
    lines += certificateFolders.map { "      - \($0):\($0):ro" }
    lines += [
      "    networks:", "      - \(network)",
      "# Connect the upstream containers to this network.", "networks:",
      "  \(network):", "    name: \(network)",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: - Grammar

  private func check() throws {
    for name in [container, network] where !ContainerName.isValid(name) {
      throw Self.refusal("name", name)
    }
    // The characters of image names: host, port, path, tag, digest.
    guard let first = image.utf8.first, Self.isPlain(first), image.utf8.allSatisfy(Self.isPlain)
    else { throw Self.refusal("image", image) }
    let isRelative = nginxFolder.hasPrefix("./")
    guard Self.isPath(isRelative ? String(nginxFolder.dropFirst()) : nginxFolder) else {
      throw Self.refusal("nginx directory", nginxFolder)
    }
    for folder in certificateFolders where !Self.isPath(folder) {
      throw Self.refusal("directory", folder)
    }
    for port in [ports.http, ports.https] where !(1...65_535).contains(port) {
      throw Self.refusal("port", "\(port)")
    }
  }

  /// Returns whether a path has no ":", "$", "#" or quotes, which are special in compose files.
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
      .usage, "cannot use the \(what) '\(text)' in a compose file",
      hint: "use letters, digits, '.', '_' and '-', and '/' in paths")
  }
}
