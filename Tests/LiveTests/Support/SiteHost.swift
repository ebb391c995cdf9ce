import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// A host with a real nginx, an application behind it, and a CA that validates at nginx's port.
struct SiteHost: Sendable {
  let host: LiveHost
  let nginx: NginxServer
  /// The port for plain HTTP, where the CA validates.
  var httpPort: Int { host.pebble.httpPort }
  /// The port for TLS.
  let tlsPort: Int
  /// The port of the application, which echoes the request's path.
  let applicationPort: Int
  /// The path of the CA's root certificate.
  let root: String

  /// Runs `body` with a new host.
  ///
  /// - Parameters:
  ///   - more: Further text for nginx's `http` block.
  ///   - executable: The nginx program.
  ///   - dns: The DNS server for the CA and for certctl.toml; nil for Pebble's own.
  ///   - validitySeconds: The lifetime of certificates; nil for Pebble's own five years.
  ///   - body: Called with the host.
  /// - Throws: The errors of `body` and of the setup.
  static func run(
    more: String = "", executable: String = "nginx", dns: KnotServer? = nil,
    validitySeconds: Int? = nil, _ body: (SiteHost) async throws -> Void
  ) async throws {
    try await LiveHost.run({
      $0.dnsServer = dns?.address
      $0.validitySeconds = validitySeconds
    }) { plain in
      let host = try plain.with(dns)
      let application = try FreePort.pick()
      let http = """
        server { listen 127.0.0.1:\(application); return 200 "application $request_uri\\n"; }
        \(more)

        """
      try await NginxServer.run(http: http, ports: [application], executable: executable) {
        nginx in
        let root = try host.folder.write("root.pem", try await host.pebble.root())
        try await body(
          SiteHost(
            host: host, nginx: nginx, tlsPort: try FreePort.pick(), applicationPort: application,
            root: root))
      }
    }
  }

  /// Returns the arguments of `site add`.
  func addArguments(
    _ hosts: String, upstream: String? = nil, options: [String] = []
  ) -> [String] {
    ["site", "add", hosts, upstream ?? "http://127.0.0.1:\(applicationPort)"]
      + ["--nginx-dir", nginx.folder.path, "--listen-http", "\(httpPort)"]
      + ["--listen-https", "\(tlsPort)", "--agree-tos"] + host.authority + options
  }

  /// Runs `site add`.
  func add(
    _ hosts: String, upstream: String? = nil, options: [String] = []
  ) async throws -> ProgramResult {
    try await host.certctl.run(addArguments(hosts, upstream: upstream, options: options))
  }

  /// Runs `site` with these arguments.
  func site(_ words: String...) async throws -> ProgramResult {
    try await host.certctl.run(["site"] + words)
  }

  /// Returns the report of `site show --json`.
  func report(_ name: String) async throws -> JSONValue {
    let result = try await host.certctl.run(["site", "show", name, "--json"])
    return try json(result.requireSuccess("site show"))["site"]
  }

  /// Returns the certificate that nginx serves for a name, or nil if it rejects the handshake.
  func served(_ name: String) async throws -> Certificate? {
    let probe = try await TLSProbe.connect(port: tlsPort, serverName: name, trusting: root)
    return try probe.chain.first.map { try Certificate(pem: [UInt8]($0.utf8)) }
  }

  /// Returns curl's output with the headers; the URL's name resolves to this machine.
  func get(_ url: String) async throws -> String {
    let name = url.split(separator: "/").dropFirst().first.map(String.init) ?? ""
    let host = name.split(separator: ":").first.map(String.init) ?? name
    let result = try await Program(
      "curl",
      ["-sS", "-i", "--max-time", "10", "--cacert", root]
        + [httpPort, tlsPort].flatMap { ["--resolve", "\(host):\($0):127.0.0.1"] } + [url]
    ).run()
    return result.standardOutput + result.standardError
  }

  /// Returns the configuration files in nginx's folder, with the text or the link target.
  func configuration() throws -> [String: String] {
    var found: [String: String] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: nginx.folder.path) {
      guard name.hasSuffix(".conf") || name.hasPrefix("certctl") || name.hasPrefix("sites-") else {
        continue
      }
      let path = nginx.folder.path(name)
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
      found[name] = target.map { "-> \($0)" } ?? nginx.folder.read(name) ?? "folder"
    }
    return found
  }
}
