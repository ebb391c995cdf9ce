import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// A host where the built certctl gets certificates from one Pebble.
struct LiveHost: Sendable {
  /// The folder for all files of the test; the state directory is `state` in it.
  let folder: TemporaryFolder
  let pebble: Pebble
  /// certctl with that state directory.
  let certctl: CertctlBinary
  /// The directory URL of Pebble, or of a proxy in front of it.
  var directoryURL: String

  /// Runs `body` with a new Pebble and a new state directory.
  static func run<Result: Sendable>(
    _ configure: (inout Pebble.Configuration) -> Void = { _ in },
    _ body: (LiveHost) async throws -> Result
  ) async throws -> Result {
    var configuration = Pebble.Configuration()
    configure(&configuration)
    return try await Pebble.run(configuration) { pebble in
      try await withTemporaryFolder(label: "live") { folder in
        try await body(
          LiveHost(
            folder: folder, pebble: pebble, certctl: try .locate(stateIn: folder),
            directoryURL: pebble.directoryURL))
      }
    }
  }

  /// Runs `body` with the same host and a new Pebble that validates at the same ports.
  ///
  /// Debian's Pebble deadlocks once an authorization is deactivated during its validation: it never
  /// releases a lock on the challenge, which the end of the validation needs.
  func withFreshAuthority(_ body: (LiveHost) async throws -> Void) async throws {
    let configuration = Pebble.Configuration {
      $0.httpPort = pebble.httpPort
      $0.tlsPort = pebble.tlsPort
    }
    try await Pebble.run(configuration) { fresh in
      try await body(
        LiveHost(
          folder: folder, pebble: fresh, certctl: certctl, directoryURL: fresh.directoryURL))
    }
  }

  /// Returns the host with a certctl.toml for this DNS server, or unchanged for nil.
  func with(_ dns: KnotServer?) throws -> LiveHost {
    guard let dns else { return self }
    var certctl = certctl
    certctl.commonArguments += ["--config", try folder.write("certctl.toml", dns.configuration)]
    return LiveHost(folder: folder, pebble: pebble, certctl: certctl, directoryURL: directoryURL)
  }

  // MARK: - Commands

  /// The options that select the CA.
  var authority: [String] { ["--ca", directoryURL, "--ca-bundle", pebble.caBundlePath] }

  /// The options for http-01 with the built-in listener, at Pebble's port.
  var standalone: [String] {
    ["--http-port", "\(pebble.httpPort)", "--http-address", "127.0.0.1"]
  }

  /// Returns the arguments of `issue` with `--agree-tos`.
  func issueArguments(_ names: [String], _ options: [String]) -> [String] {
    ["issue"] + names + authority + ["--agree-tos"] + options
  }

  /// Runs `issue` with http-01 and the built-in listener.
  func issue(
    _ names: String..., options: [String] = [], within limit: Duration = .seconds(60),
    whileRunning: (RunningProgram) async throws -> Void = { _ in }
  ) async throws -> ProgramResult {
    try await certctl.run(
      issueArguments(names, standalone + options), within: limit, whileRunning: whileRunning)
  }

  /// Runs `issue` with these options for the validation.
  func issue(
    _ names: [String], by options: [String], within limit: Duration = .seconds(60),
    whileRunning: (RunningProgram) async throws -> Void = { _ in }
  ) async throws -> ProgramResult {
    try await certctl.run(
      issueArguments(names, options), within: limit, whileRunning: whileRunning)
  }

  /// Runs an `account` command for the CA.
  func account(_ command: String, _ options: [String] = []) async throws -> ProgramResult {
    try await certctl.run(["account", command] + authority + options)
  }

  // MARK: - State

  /// Returns the chain in use, leaf first.
  func chain(_ lineage: String) throws -> [Certificate] {
    try Certificate.chain(pem: bytes("state/live/\(lineage)/fullchain.pem"))
  }

  /// Returns the leaf in use.
  func leaf(_ lineage: String) throws -> Certificate {
    try #require(try chain(lineage).first)
  }

  /// Whether the key in use matches the leaf in use.
  func isPair(_ lineage: String) throws -> Bool {
    let key = try PrivateKey(pem: bytes("state/live/\(lineage)/privkey.pem"))
    return try leaf(lineage).matches(key)
  }

  /// Returns the report of `show --json` on a lineage.
  func report(_ lineage: String) async throws -> JSONValue {
    let result = try await certctl.run(["show", lineage, "--json"]).requireSuccess("show")
    return try json(result)["certificate"]
  }

  /// Returns the names in a folder of the state directory, none if it does not exist.
  func entries(_ path: String) -> [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path("state/\(path)"))
    return (names ?? []).sorted()
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try #require(folder.read(path)).utf8)
  }
}

/// Returns the JSON object that a command printed.
func json(_ result: ProgramResult) throws -> JSONValue {
  try #require(JSONValue([UInt8](result.standardOutput.utf8)), "\(result)")
}

extension Trait where Self == ConditionTrait {
  /// The programs that every test with a `LiveHost` needs.
  static var needsPebble: Self { .requires("pebble", "pebble-challtestsrv", "openssl", "curl") }

  /// The additional program that a test with nginx needs.
  static var needsNginx: Self { .requires("nginx") }
}

/// Parts of a hand-written nginx.conf.
extension LiveHost {
  /// A server on Pebble's http-01 port, with challenges in the folder `web`.
  var plainServer: String {
    """
    server {
      listen 127.0.0.1:\(pebble.httpPort);
      location ^~ /.well-known/acme-challenge/ { root web; }
      location / { return 308 https://$host$request_uri; }
    }

    """
  }

  /// Returns a TLS server with the certificate of example.com and a fixed response.
  func secureServer(_ port: Int, _ answer: String) -> String {
    let live = folder.path("state/live/example.com")
    return """
      server {
        listen 127.0.0.1:\(port) ssl;
        ssl_certificate \(live)/fullchain.pem;
        ssl_certificate_key \(live)/privkey.pem;
        location / { return \(answer); }
      }

      """
  }
}
