internal import ACME
import FoundationEssentials
import Glibc

/// acme2certifier, a real ACME server with ARI (RFC 9773), behind an nginx that speaks HTTP/2.
///
/// An independent implementation in Python that copes with parallel orders.
/// `Fixtures/acme2certifier/server.py` adds what it lacks, such as `replaces`.
package struct Acme2Certifier: Sendable {
  /// The TLS proxy in front of the server, which logs requests and connections.
  package let proxy: LoggingProxy
  /// The server's self-signed HTTPS certificate, for `--ca-bundle`.
  package let certificate: ServerCertificate
  /// The port at which the server validates http-01, on every host.
  package let httpPort: Int
  /// The server's DNS; names resolve to 127.0.0.1 unless the test sets records.
  package let dns: ChallengeTestServer
  let folder: TemporaryFolder
  let port: Int
  let namespace: NetworkNamespace?
  let program: RunningProgram

  package var directoryURL: String { proxy.directoryURL }
  package var caBundlePath: String { certificate.certificatePath }

  /// The Python interpreter with acme2certifier, from `scripts/install-deps test`; for `.requires`.
  package static let python = checkout + "/.build/acme2certifier/bin/python"

  /// Settings that a test may also change while the server runs.
  package struct Settings: Sendable {
    /// The validity of certificates from issuance, in seconds; at most the root's ten years.
    package var validitySeconds = 90 * 86400
    /// The seconds by which notBefore lies before issuance, so that a new certificate looks old.
    package var ageSeconds = 0
    package var window = Window.lastPart
    /// The Retry-After of renewal information, in seconds.
    package var retryAfter = 86400
    /// Whether the server checks `replaces` (RFC 9773, section 5).
    ///
    /// If not, it ignores the field, as acme2certifier 0.46 does.
    package var checksReplaces = true
    /// The number of certificates after which the next finalization kills the server.
    package var diesAfter: Int?

    package init(_ change: (inout Settings) -> Void = { _ in }) { change(&self) }
  }

  /// The renewal window that the server suggests.
  package struct Window: Sendable {
    /// The start, in percent of the certificate's lifetime; may be negative.
    package var startPercent: Double
    /// The length in seconds; nil for a window that lasts until the certificate expires.
    package var seconds: Int?

    package init(startPercent: Double, seconds: Int? = nil) {
      self.startPercent = startPercent
      self.seconds = seconds
    }

    /// From 85 % of the lifetime until expiry.
    package static let lastPart = Window(startPercent: 85)
    /// A window that ended before issuance, for lifetimes longer than ten hours.
    package static let past = Window(startPercent: -10, seconds: 3600)
  }

  /// A newOrder request as the server received it.
  package struct PlacedOrder: Sendable, Decodable {
    /// The order's name (the end of its URL); nil if the server refused its `replaces`.
    package let order: String?
    /// The HTTP status of the response.
    package let status: Int
    package let names: [String]
    /// The value of `replaces`.
    package let replaces: String?
  }

  /// The issuer name in dns-persist-01 records, in a lab.
  package static let issuer = "acme2certifier.test"

  /// Runs a server around `body`.
  ///
  /// In a lab it runs in the lab's network, uses the lab's resolver and offers dns-persist-01.
  package static func run<Result: Sendable>(
    _ settings: Settings = Settings(), in lab: DNSLab? = nil,
    _ body: (Acme2Certifier) async throws -> Result
  ) async throws -> Result {
    try await Turn.take {
      try await ChallengeTestServer.run { dns in
        try await withTemporaryFolder(label: "acme2certifier") { folder in
          let certificate = try await ServerCertificate.make(in: folder)
          let port = try FreePort.pick()
          let httpPort = try FreePort.pick()
          try await prepare(folder, httpPort: httpPort, dns: dns, isInLab: lab != nil)
          try write(settings, to: folder)
          return try await serve(folder, port, lab?.namespace) { program in
            try await LoggingProxy.run(
              to: "http://127.0.0.1:\(port)", directory: "/directory", certificate: certificate,
              namespace: lab?.namespace
            ) { proxy in
              try await body(
                Acme2Certifier(
                  proxy: proxy, certificate: certificate, httpPort: httpPort, dns: dns,
                  folder: folder, port: port, namespace: lab?.namespace, program: program))
            }
          }
        }
      }
    }
  }

  /// Changes the settings from the next request on.
  package func change(_ settings: Settings) throws { try Self.write(settings, to: folder) }

  /// Whether the server runs; false once it has killed itself, see `Settings.diesAfter`.
  package var isRunning: Bool { program.isRunning }

  /// Restarts a dead server with its database, around `body`.
  package func runAgain<Result: Sendable>(
    _ settings: Settings = Settings(), _ body: () async throws -> Result
  ) async throws -> Result {
    guard !isRunning else { throw HarnessError("acme2certifier runs already") }
    try change(settings)
    return try await Self.serve(folder, port, namespace) { _ in try await body() }
  }

  /// The newOrder requests so far with a readable payload, in the order of their responses.
  package var orders: [PlacedOrder] {
    get throws {
      try (folder.read("orders.jsonl") ?? "").split(separator: "\n").map {
        try JSONDecoder().decode(PlacedOrder.self, from: Data($0.utf8))
      }
    }
  }
}

extension Acme2Certifier {
  /// The project's directory.
  private static let checkout: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/")
  }()

  private static func serve<Result: Sendable>(
    _ folder: TemporaryFolder, _ port: Int, _ namespace: NetworkNamespace?,
    _ body: (RunningProgram) async throws -> Result
  ) async throws -> Result {
    let script = checkout + "/Fixtures/acme2certifier/server.py"
    // No .pyc files beside the sources.
    var program = Program(
      python, [script, folder.path, "\(port)"], environment: ["PYTHONDONTWRITEBYTECODE": "1"])
    if let namespace { program = namespace.inside(program) }
    // The server listens once its database exists.
    return try await program.serve(
      isReady: { _ in try await acceptsConnections(port, in: namespace) }, body)
  }

  private static func prepare(
    _ folder: TemporaryFolder, httpPort: Int, dns: ChallengeTestServer, isInLab: Bool
  ) async throws {
    try await Program(
      "openssl",
      [
        "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-days", "3650", "-subj", "/CN=acme2certifier test root",
        "-addext", "basicConstraints=critical,CA:TRUE",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout", folder.path("ca-key.pem"), "-out", folder.path("ca.pem"),
      ]
    ).run().requireSuccess("openssl req")
    let dnsPort = isInLab ? "53" : dns.dnsAddress.split(separator: ":").last ?? ""
    let persistence = """
      dns_persist_01_support: True
      dns_persist_allow_policy_wildcard: True
      [Directory]
      caaidentities: ["\(issuer)"]
      """
    try folder.write(
      "acme_srv.cfg",
      """
      [DEFAULT]
      debug: False
      dns_server_list: ["\(isInLab ? DNSLab.resolver : "127.0.0.1")"]
      [Account]
      contact_check_disable: True
      [CAhandler]
      handler_module: ca_handler
      issuing_ca_key: \(folder.path("ca-key.pem"))
      issuing_ca_cert: \(folder.path("ca.pem"))
      issuing_ca_crl: \(folder.path("crl.pem"))
      cert_save_path: \(try folder.makeFolder("issued"))
      [DBhandler]
      handler: wsgi
      dbfile: \(folder.path("acme.db"))
      [Challenge]
      http_port: \(httpPort)
      dns_port: \(dnsPort)
      \(isInLab ? persistence : "")
      [Order]
      [Renewalinfo]

      """)
  }

  /// Replaces the file atomically, because the server may be reading it.
  private static func write(_ settings: Settings, to folder: TemporaryFolder) throws {
    let next = try folder.write("settings.next", settings.text)
    guard rename(next, folder.path("settings.cfg")) == 0 else {
      throw HarnessError("cannot write \(folder.path("settings.cfg"))")
    }
  }
}

extension Acme2Certifier.Settings {
  fileprivate var text: String {
    """
    [CAhandler]
    cert_validity_seconds: \(validitySeconds)
    cert_age_seconds: \(ageSeconds)
    [Order]
    die_after: \(diesAfter ?? -1)
    replaces: \(checksReplaces ? "check" : "ignore")
    [Renewalinfo]
    renewalthreshold_pctg: \(window.startPercent)
    renewal_window_duration: \(window.seconds.map(String.init) ?? "")
    retry_after_timeout: \(retryAfter)

    """
  }
}
