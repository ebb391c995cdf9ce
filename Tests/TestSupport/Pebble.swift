import FoundationEssentials
import Glibc

/// Pebble, a real ACME server with a new root for each start.
///
/// Debian's 2.4.0 has no ARI, profiles or Retry-After and takes no EdDSA account keys. It can lock
/// up under parallel orders: a fresh one for each test, and a time limit on the test.
package struct Pebble: Sendable {
  package let directoryURL: String
  package let managementURL: String
  /// Its HTTPS certificate, self-signed: what `--ca-bundle` takes.
  package let certificate: ServerCertificate
  /// Where it looks for http-01 answers, on every host.
  package let httpPort: Int
  /// Where it looks for tls-alpn-01 answers, on every host.
  package let tlsPort: Int
  /// Its DNS; nil when the test named another server.
  package let dns: ChallengeTestServer?
  let program: RunningProgram

  package var caBundlePath: String { certificate.certificatePath }

  /// How it behaves; by default as smooth and as strict as it can be.
  package struct Configuration: Sendable {
    package var isStrict = true
    /// Key ids and base64url MAC keys; when there are any, Pebble demands one.
    package var externalAccountKeys: [String: String] = [:]
    package var nonceRejectPercent = 0
    package var authorizationReusePercent = 0
    /// Validation waits a random time of up to this many seconds; nil: validates at once.
    package var validationSleepSeconds: Int?
    package var alternateRoots = 0
    /// Intermediates between the leaf and the root.
    package var chainLength = 1
    /// How long certificates are valid; Pebble's own five years when nil.
    package var validitySeconds: Int?
    /// Free ports when nil.
    package var httpPort: Int?
    package var tlsPort: Int?
    /// "host:port" of another DNS server than its own `ChallengeTestServer`.
    package var dnsServer: String?
    /// The network namespace that it runs in; nil for the test's own.
    package var namespace: NetworkNamespace?
    /// The names by which CAA records allow it.
    package var caaIdentities: [String]?

    package init(_ change: (inout Configuration) -> Void = { _ in }) { change(&self) }
  }

  /// Runs one around `body`, with a `ChallengeTestServer` as its DNS.
  package static func run<Result: Sendable>(
    _ configuration: Configuration = Configuration(),
    _ body: (Pebble) async throws -> Result
  ) async throws -> Result {
    try await Turn.take {
      if let address = configuration.dnsServer {
        return try await run(configuration, dnsServer: address, dns: nil, body)
      }
      return try await ChallengeTestServer.run { dns in
        try await run(configuration, dnsServer: dns.dnsAddress, dns: dns, body)
      }
    }
  }

  /// The root certificate of chain `index` (0: the default chain), as PEM.
  package func root(_ index: Int = 0) async throws -> String {
    try await fetch("\(managementURL)/roots/\(index)", trusting: caBundlePath)
  }

  /// The last intermediate certificate of chain `index`, as PEM.
  package func intermediate(_ index: Int = 0) async throws -> String {
    try await fetch("\(managementURL)/intermediates/\(index)", trusting: caBundlePath)
  }

  /// What Pebble says of a certificate: "Valid" or "Revoked", with its reason.
  ///
  /// The serial number is hexadecimal, without colons.
  package func certificateStatus(serialNumber: String) async throws -> String {
    try await fetch(
      "\(managementURL)/cert-status-by-serial/\(serialNumber)", trusting: caBundlePath)
  }

  /// Makes it deaf until `resume()`: connections are taken by the system, nothing is answered.
  package func pause() { program.send(SIGSTOP) }

  /// Ends a `pause()`.
  package func resume() { program.send(SIGCONT) }

  /// Its log so far.
  package var log: String { program.standardOutput }

  /// The size of its log in bytes, to be given to `log(after:)`.
  package var logSize: Int { program.outputSize }

  /// What it wrote to its log after it had that size: for tests with thousands of requests.
  package func log(after size: Int) -> String { program.output(after: size) }

  /// The requests to its ACME side so far, such as "POST /order-plz".
  ///
  /// `LoggingProxy` also tells connections and answers.
  package var requests: [String] {
    log.split(separator: "\n").compactMap { line in
      guard line.hasSuffix(" -> calling handler()") else { return nil }
      let words = line.split(separator: " ")
      return words.count < 7 ? nil : words.dropLast(3).suffix(2).joined(separator: " ")
    }
    .filter { !$0.contains(" /roots/") && !$0.contains(" /intermediates/") }
  }
}

extension Pebble {
  private static func run<Result: Sendable>(
    _ configuration: Configuration, dnsServer: String, dns: ChallengeTestServer?,
    _ body: (Pebble) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder(label: "pebble") { folder in
      let certificate = try await ServerCertificate.make(in: folder)
      let acme = try FreePort.pick()
      let management = try FreePort.pick()
      let file = ConfigurationFile(
        listenAddress: "127.0.0.1:\(acme)",
        managementListenAddress: "127.0.0.1:\(management)",
        certificate: certificate.certificatePath, privateKey: certificate.keyPath,
        httpPort: try configuration.httpPort ?? FreePort.pick(),
        tlsPort: try configuration.tlsPort ?? FreePort.pick(),
        externalAccountBindingRequired: !configuration.externalAccountKeys.isEmpty,
        externalAccountMACKeys: configuration.externalAccountKeys,
        certificateValidityPeriod: configuration.validitySeconds,
        caaIdentities: configuration.caaIdentities)
      let text = String(decoding: try JSONEncoder().encode(["pebble": file]), as: UTF8.self)
      var arguments = ["-config", try folder.write("pebble.json", text), "-dnsserver", dnsServer]
      if configuration.isStrict { arguments.append("-strict") }
      var program = Program("pebble", arguments, environment: configuration.environment)
      let namespace = configuration.namespace
      if let namespace { program = namespace.inside(program) }
      return try await program.serve(isReady: { running in
        // From outside nobody can look into a namespace.
        namespace != nil
          ? running.standardOutput.contains("ACME directory available")
          : acceptsConnections(management) && acceptsConnections(acme)
      }) { running in
        try await body(
          Pebble(
            directoryURL: "https://127.0.0.1:\(acme)/dir",
            managementURL: "https://127.0.0.1:\(management)", certificate: certificate,
            httpPort: file.httpPort, tlsPort: file.tlsPort, dns: dns, program: running))
      }
    }
  }

  private struct ConfigurationFile: Encodable {
    var listenAddress: String
    var managementListenAddress: String
    var certificate: String
    var privateKey: String
    var httpPort: Int
    var tlsPort: Int
    var ocspResponderURL = ""
    var externalAccountBindingRequired: Bool
    var externalAccountMACKeys: [String: String]
    var certificateValidityPeriod: Int?
    var caaIdentities: [String]?
  }
}

extension Pebble.Configuration {
  /// Pebble's switches that are not in its file; all set, since its own defaults are random.
  fileprivate var environment: [String: String?] {
    var variables: [String: String?] = [
      "PEBBLE_WFE_NONCEREJECT": "\(nonceRejectPercent)",
      "PEBBLE_AUTHZREUSE": "\(authorizationReusePercent)",
      "PEBBLE_ALTERNATE_ROOTS": "\(alternateRoots)",
      "PEBBLE_CHAIN_LENGTH": "\(chainLength)",
      "PEBBLE_VA_ALWAYS_VALID": nil,
    ]
    if let validationSleepSeconds {
      variables["PEBBLE_VA_NOSLEEP"] = .some(nil)
      variables["PEBBLE_VA_SLEEPTIME"] = "\(validationSleepSeconds)"
    } else {
      variables["PEBBLE_VA_NOSLEEP"] = "1"
    }
    return variables
  }
}
