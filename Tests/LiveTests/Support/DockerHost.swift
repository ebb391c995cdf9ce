import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlServing

/// A host whose nginx runs in a container, with upstream containers beside it, and a CA that
/// validates through that nginx.
struct DockerHost: Sendable {
  /// Pebble, the state directory, and certctl with access to the engine.
  let live: LiveHost
  let engine: DockerEngine
  /// The name of the nginx container, and the prefix of the other names.
  let name: String
  /// The ports of this host that map to nginx's ports 80 and 443.
  let httpPort: Int
  let httpsPort: Int

  private static let count = Mutex(0)

  /// Runs `body`, then removes its containers and its network.
  ///
  /// - Parameters:
  ///   - dns: The DNS server for the CA and for certctl.toml; nil for Pebble's own.
  ///   - body: Called with the host.
  /// - Throws: The errors of `body` and of the setup.
  static func run(
    dns: KnotServer? = nil, _ body: (DockerHost) async throws -> Void
  ) async throws {
    let engine = try await DockerEngine.shared()
    let number = count.withLock { count in
      count += 1
      return count
    }
    let port = try FreePort.pick()
    try await LiveHost.run({
      $0.httpPort = port
      $0.dnsServer = dns?.address
    }) { live in
      var certctl = try live.with(dns).certctl
      certctl.environment.merge(engine.environment) { _, new in new }
      let host = DockerHost(
        live: LiveHost(
          folder: live.folder, pebble: live.pebble, certctl: certctl,
          directoryURL: live.directoryURL),
        engine: engine,
        name: "certctl-\(ProcessInfo.processInfo.processIdentifier)-\(number)", httpPort: port,
        httpsPort: try FreePort.pick())
      let outcome: Result<Void, any Error>
      do {
        outcome = .success(try await body(host))
      } catch {
        print(try await host.log(of: host.name))
        outcome = .failure(error)
      }
      // In a separate task, which also runs when the time limit has cancelled the test.
      await Task { try? await host.cleanUp() }.value
      try outcome.get()
    }
  }

  private func cleanUp() async throws {
    let containers = try await docker("ps", "--all", "--quiet", "--filter", "name=\(name)")
    let numbers = containers.standardOutput.split(separator: "\n").map(String.init)
    if !numbers.isEmpty { _ = try await engine.docker(["rm", "--force", "--volumes"] + numbers) }
    _ = try await docker("network", "rm", network)
  }

  // MARK: - Places

  var folder: TemporaryFolder { live.folder }
  /// The network of nginx and the upstream containers.
  var network: String { "\(name)-net" }
  /// The folder that is mounted as `/etc/nginx`.
  var nginxFolder: String { folder.path("nginx") }
  var stateDirectory: String { folder.path("state") }

  /// The correct mounts, as arguments of `--volume`.
  var volumes: [String] {
    ["\(nginxFolder):/etc/nginx:ro"]
      + ["live", "archive"].map { "\(stateDirectory)/\($0):\(stateDirectory)/\($0):ro" }
  }

  // MARK: - Containers

  /// Runs a command of the engine and returns its result, even if it fails.
  @discardableResult
  func docker(_ arguments: String...) async throws -> ProgramResult {
    try await engine.docker(arguments)
  }

  /// Copies the nginx folder out of the image, as the compose file's comment describes.
  func fillNginxFolder() async throws {
    try folder.makeFolder("nginx")
    let command = """
      docker run --rm --entrypoint tar \(engine.image) -C /etc/nginx -c . | tar -C nginx -x
      """
    try await Program(
      "sh", ["-c", command], environment: engine.environment, workingDirectory: folder.path
    ).run().requireSuccess("filling the nginx folder")
  }

  /// Starts nginx with the compose file that certctl prints, and waits until it answers.
  ///
  /// Start upstream containers afterwards, because Compose creates the network.
  func composeUp() async throws {
    let file = try await live.certctl.run([
      "site", "compose", "--nginx-container", name, "--image", engine.image, "--network", network,
      "--listen-http", "\(httpPort)", "--listen-https", "\(httpsPort)",
    ]).requireSuccess("site compose")
    try folder.write("docker-compose.yml", file.standardOutput)
    try await fillNginxFolder()
    try await engine.compose(["--project-name", name, "up", "-d"], in: folder.path)
      .requireSuccess("compose up")
    try await poll("nginx to answer") { try await get("/").status == 200 }
  }

  private func makeNetwork() async throws {
    guard try await docker("network", "inspect", network).exitCode != 0 else { return }
    try await docker("network", "create", network).requireSuccess("the network")
  }

  /// Starts nginx with `docker run` and the given mounts and options.
  func startNginx(volumes: [String], options: [String] = []) async throws {
    try await makeNetwork()
    let arguments =
      ["run", "--detach", "--name", name, "--network", network]
      + ["--publish", "127.0.0.1:\(httpPort):80", "--publish", "127.0.0.1:\(httpsPort):443"]
      + volumes.flatMap { ["--volume", $0] } + options + [engine.image]
    try await engine.docker(arguments).requireSuccess("nginx")
  }

  /// Starts a container that answers each request on a port with its own name.
  func startUpstream(_ alias: String, port: Int) async throws {
    try await makeNetwork()
    let script =
      "mkdir -p /w && echo 'this is \(alias)' >/w/index.html && exec httpd -f -p \(port) -h /w"
    try await docker(
      "run", "--detach", "--name", "\(name)-\(alias)", "--network", network, "--network-alias",
      alias, engine.image, "sh", "-c", script
    ).requireSuccess(alias)
  }

  /// Removes an upstream container, so that its name no longer resolves.
  func stopUpstream(_ alias: String) async throws {
    try await docker("rm", "--force", "\(name)-\(alias)").requireSuccess("rm \(alias)")
  }

  /// Returns the last lines of a container's log.
  func log(of container: String) async throws -> String {
    let result = try await docker("logs", "--tail", "20", container)
    return result.standardOutput + result.standardError
  }

  // MARK: - certctl

  /// Runs certctl with this host's state directory.
  func certctl(_ arguments: String...) async throws -> ProgramResult {
    try await live.certctl.run(arguments, within: .seconds(120))
  }

  /// Runs `site add` for the nginx in the container, with Pebble as the CA.
  func addSite(
    _ hosts: String, _ upstream: String, _ options: [String] = []
  ) async throws -> ProgramResult {
    try await live.certctl.run(
      ["site", "add", hosts, upstream, "--nginx-container", name] + live.authority
        + ["--agree-tos"] + options, within: .seconds(120))
  }

  /// Returns the nginx in the container, as certctl finds it.
  func nginx() async throws -> RunningNginx {
    let docker = try #require(InstalledProgram.find("docker"))
    let variables = engine.environment.compactMapValues { $0 }
    let ours = CommandLineEngine(
      path: docker, environment: EngineEnvironment(variables), runner: ProcessRunner())
    return try await RunningNginx.inContainer(name, engines: [ours])
  }

  /// Returns the error that the check of the mounts throws.
  func mountError(keys: FileAttributes = .init(mode: 0o600)) async throws -> CertctlError {
    let nginx = try await nginx()
    let error = await #expect(throws: CertctlError.self) {
      try await nginx.checkMounts(stateDirectory: stateDirectory, copy: nil, keys: keys)
    }
    return try #require(error)
  }

  // MARK: - From outside

  /// Writes Pebble's root certificate to a file and returns its path.
  func root() async throws -> String { try folder.write("root.pem", try await live.pebble.root()) }

  /// Returns the certificate that nginx serves for a name, as PEM.
  func served(_ name: String) async throws -> String? {
    try await TLSProbe.connect(port: httpsPort, serverName: name).chain.first
  }

  /// Returns the certificate in use of a lineage, as PEM.
  func inUse(_ lineage: String) throws -> String? {
    TLSProbe.certificates(in: try #require(folder.read("state/live/\(lineage)/fullchain.pem")))
      .first
  }

  /// Returns all paths in the nginx folder, with the text of files and the targets of links.
  func nginxFiles() -> [String: String] {
    let folder = TemporaryFolder(existing: nginxFolder)
    return Dictionary(
      uniqueKeysWithValues: folder.contents().map { path in
        (path, folder.linkTarget(path) ?? folder.read(path) ?? "folder")
      })
  }

  /// A response of nginx to a client on the host.
  struct Answer: Sendable, CustomStringConvertible {
    var status: Int
    var headers: String
    var body: String

    var description: String { "\(headers)\n\(body)" }

    /// Returns the value of a header, by its lower-case name.
    func header(_ name: String) -> String? {
      headers.split(separator: "\r\n").first { $0.lowercased().hasPrefix("\(name):") }
        .map { String($0.dropFirst(name.count + 1).drop { $0 == " " }) }
    }
  }

  /// Sends a request to nginx from outside, over https if a root certificate is given.
  ///
  /// - Returns: The response, with status 0 if there was none.
  func get(
    _ path: String, host: String = "localhost", trusting root: String? = nil
  ) async throws -> Answer {
    let port = root == nil ? httpPort : httpsPort
    let scheme = root == nil ? "http" : "https"
    // --connect-to maps the default port of the URL to the published port.
    let inside = root == nil ? 80 : 443
    let arguments =
      ["--silent", "--include", "--max-time", "10", "--noproxy", "*"]
      + ["--connect-to", "\(host):\(inside):127.0.0.1:\(port)"]
      + (root.map { ["--cacert", $0] } ?? []) + ["\(scheme)://\(host)\(path)"]
    let result = try await Program("curl", arguments).run(within: .seconds(20))
    let parts = result.standardOutput.split(separator: "\r\n\r\n", maxSplits: 1)
    let headers = parts.first.map(String.init) ?? ""
    let status = headers.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return Answer(
      status: status, headers: headers, body: parts.count > 1 ? String(parts[1]) : "")
  }
}
