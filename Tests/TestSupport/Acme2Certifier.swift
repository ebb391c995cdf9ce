internal import ACME
import FoundationEssentials
import Glibc

/// acme2certifier, a real ACME server with ARI (RFC 9773), behind an nginx that speaks HTTP/2.
///
/// An independent implementation in Python, which stands parallel orders. What it lacks is added by
/// `Fixtures/acme2certifier/server.py`; its `replaces` is one of these things, see there.
package struct Acme2Certifier: Sendable {
  /// TLS in front of it, which tells requests and connections.
  package let proxy: LoggingProxy
  /// Its HTTPS certificate, self-signed: what `--ca-bundle` takes.
  package let certificate: ServerCertificate
  /// Where it looks for http-01 answers, on every host.
  package let httpPort: Int
  /// The DNS that it asks; names have the address 127.0.0.1 unless the test says otherwise.
  package let dns: ChallengeTestServer
  let folder: TemporaryFolder
  let port: Int
  let namespace: NetworkNamespace?
  let program: RunningProgram

  package var directoryURL: String { proxy.directoryURL }
  package var caBundlePath: String { certificate.certificatePath }

  /// The Python that has it, made by `scripts/install-deps test`; for `.requires`.
  package static let python = checkout + "/.build/acme2certifier/bin/python"

  /// What a test may also change while it runs.
  package struct Settings: Sendable {
    /// How long certificates are valid from their issuance on; at most as long as its root, ten
    /// years.
    package var validitySeconds = 90 * 86400
    /// How long before their issuance they became valid: such a certificate is old when it is new.
    package var ageSeconds = 0
    package var window = Window.lastPart
    /// Retry-After of the renewal information, in seconds.
    package var retryAfter = 86400
    /// Whether it looks at `replaces`, as RFC 9773 section 5 wants it; if not, it ignores it, as
    /// acme2certifier 0.46 by itself does.
    package var checksReplaces = true
    /// After so many certificates since its start it kills itself, when it is asked for one more.
    package var diesAfter: Int?

    package init(_ change: (inout Settings) -> Void = { _ in }) { change(&self) }
  }

  /// The window that it suggests for renewals.
  package struct Window: Sendable {
    /// Where it begins, in percent of a certificate's lifetime; may be negative.
    package var startPercent: Double
    /// How long it is; until the certificate expires when nil.
    package var seconds: Int?

    package init(startPercent: Double, seconds: Int? = nil) {
      self.startPercent = startPercent
      self.seconds = seconds
    }

    /// From 85 % of the lifetime to its end.
    package static let lastPart = Window(startPercent: 85)
    /// Over before the certificate was issued, if that is valid for longer than ten hours.
    package static let past = Window(startPercent: -10, seconds: 3600)
  }

  /// One newOrder as the server saw it.
  package struct PlacedOrder: Sendable, Decodable {
    /// Its name, the end of its URL; nil when it was refused because of its `replaces`.
    package let order: String?
    /// The HTTP status of the answer.
    package let status: Int
    package let names: [String]
    /// The certificate that it says to replace.
    package let replaces: String?
  }

  /// The name by which records of dns-persist-01 name it, in a lab.
  package static let issuer = "acme2certifier.test"

  /// Runs one around `body`; in a lab it runs there, asks the lab's resolver and offers
  /// dns-persist-01.
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

  /// From the next request on it behaves like this.
  package func change(_ settings: Settings) throws { try Self.write(settings, to: folder) }

  /// Whether it runs; it does not after `Settings.diesAfter` certificates.
  package var isRunning: Bool { program.isRunning }

  /// Starts it again after its death, with all that it knew, around `body`.
  package func runAgain<Result: Sendable>(
    _ settings: Settings = Settings(), _ body: () async throws -> Result
  ) async throws -> Result {
    guard !isRunning else { throw HarnessError("acme2certifier runs already") }
    try change(settings)
    return try await Self.serve(folder, port, namespace) { _ in try await body() }
  }

  /// The newOrder requests so far that had a readable payload, in the order of their answers.
  package var orders: [PlacedOrder] {
    get throws {
      try (folder.read("orders.jsonl") ?? "").split(separator: "\n").map {
        try JSONDecoder().decode(PlacedOrder.self, from: Data($0.utf8))
      }
    }
  }
}

extension Acme2Certifier {
  /// The project's folder.
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
    // It listens when its database is there.
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

  /// Replaces the file as a whole, because the server may be reading it.
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
