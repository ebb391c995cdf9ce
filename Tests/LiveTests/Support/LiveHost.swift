import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// A host that gets its certificates from one Pebble by the built certctl.
struct LiveHost: Sendable {
  /// Everything that the test writes; the state directory is `state` in it.
  let folder: TemporaryFolder
  let pebble: Pebble
  /// certctl with that state directory.
  let certctl: CertctlBinary
  /// Pebble's directory, or that of a proxy in front of it.
  var directoryURL: String

  /// Runs a fresh Pebble and a fresh state directory around `body`.
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

  /// Runs another Pebble, which looks at the same ports, around `body`: the same host, later.
  ///
  /// Debian's Pebble locks up for good once an authorization was deactivated whose validation was
  /// under way: it never gives back a lock on the challenge, which the end of the validation takes.
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

  /// The same with a certctl.toml that names this DNS, if there is one.
  func with(_ dns: KnotServer?) throws -> LiveHost {
    guard let dns else { return self }
    var certctl = certctl
    certctl.commonArguments += ["--config", try folder.write("certctl.toml", dns.configuration)]
    return LiveHost(folder: folder, pebble: pebble, certctl: certctl, directoryURL: directoryURL)
  }

  // MARK: - Commands

  /// The options that name the CA.
  var authority: [String] { ["--ca", directoryURL, "--ca-bundle", pebble.caBundlePath] }

  /// http-01 by certctl's own listener, where Pebble looks.
  var standalone: [String] {
    ["--http-port", "\(pebble.httpPort)", "--http-address", "127.0.0.1"]
  }

  /// The arguments of an `issue` with the terms agreed to.
  func issueArguments(_ names: [String], _ options: [String]) -> [String] {
    ["issue"] + names + authority + ["--agree-tos"] + options
  }

  /// Runs `issue` by http-01 and certctl's own listener.
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

  /// The chain in use, leaf first.
  func chain(_ lineage: String) throws -> [Certificate] {
    try Certificate.chain(pem: bytes("state/live/\(lineage)/fullchain.pem"))
  }

  /// The leaf in use.
  func leaf(_ lineage: String) throws -> Certificate {
    try #require(try chain(lineage).first)
  }

  /// Whether the key in use belongs to the leaf in use.
  func isPair(_ lineage: String) throws -> Bool {
    let key = try PrivateKey(pem: bytes("state/live/\(lineage)/privkey.pem"))
    return try leaf(lineage).matches(key)
  }

  /// What `show --json` says of a lineage.
  func report(_ lineage: String) async throws -> JSONValue {
    let result = try await certctl.run(["show", lineage, "--json"]).requireSuccess("show")
    return try json(result)["certificate"]
  }

  /// The names in a folder of the state directory; none when it is not there.
  func entries(_ path: String) -> [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path("state/\(path)"))
    return (names ?? []).sorted()
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try #require(folder.read(path)).utf8)
  }
}

/// The one JSON object that a command printed.
func json(_ result: ProgramResult) throws -> JSONValue {
  try #require(JSONValue([UInt8](result.standardOutput.utf8)), "\(result)")
}

extension Trait where Self == ConditionTrait {
  /// What every test with a `LiveHost` needs.
  static var needsPebble: Self { .requires("pebble", "pebble-challtestsrv", "openssl", "curl") }

  /// What a test with nginx needs besides.
  static var needsNginx: Self { .requires("nginx") }
}

/// Parts of an nginx.conf that a person wrote.
extension LiveHost {
  /// A server on Pebble's port of http-01, with its challenges in the folder `web`.
  var plainServer: String {
    """
    server {
      listen 127.0.0.1:\(pebble.httpPort);
      location ^~ /.well-known/acme-challenge/ { root web; }
      location / { return 308 https://$host$request_uri; }
    }

    """
  }

  /// A server with the certificate of example.com, which returns always the same.
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
