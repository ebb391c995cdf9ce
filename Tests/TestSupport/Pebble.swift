import FoundationEssentials
import Glibc

/// Pebble, a real ACME server that creates a new root at each start.
///
/// Debian's 2.4.0 has no ARI, profiles or Retry-After and rejects EdDSA account keys. Parallel
/// orders can deadlock it, so each test starts its own and has a time limit.
package struct Pebble: Sendable {
  package let directoryURL: String
  package let managementURL: String
  /// The server's self-signed HTTPS certificate, for `--ca-bundle`.
  package let certificate: ServerCertificate
  /// The port at which Pebble validates http-01, on every host.
  package let httpPort: Int
  /// The port at which Pebble validates tls-alpn-01, on every host.
  package let tlsPort: Int
  /// Pebble's DNS; nil if the test set another server.
  package let dns: ChallengeTestServer?
  let program: RunningProgram

  package var caBundlePath: String { certificate.certificatePath }

  /// The behaviour of Pebble; by default strict and without random failures.
  package struct Configuration: Sendable {
    package var isStrict = true
    /// Key identifiers and base64url MAC keys; if there are any, Pebble requires an EAB.
    package var externalAccountKeys: [String: String] = [:]
    package var nonceRejectPercent = 0
    package var authorizationReusePercent = 0
    /// The maximum random delay of validations, in seconds; nil for none.
    package var validationSleepSeconds: Int?
    package var alternateRoots = 0
    /// The number of intermediates between leaf and root.
    package var chainLength = 1
    /// The validity of certificates, in seconds; nil for Pebble's default of five years.
    package var validitySeconds: Int?
    /// The ports for validation; nil for free ones.
    package var httpPort: Int?
    package var tlsPort: Int?
    /// The "host:port" of a DNS server to use instead of a `ChallengeTestServer`.
    package var dnsServer: String?
    /// The network namespace to run in; nil for the test's own.
    package var namespace: NetworkNamespace?
    /// The CA's issuer names in CAA records.
    package var caaIdentities: [String]?

    package init(_ change: (inout Configuration) -> Void = { _ in }) { change(&self) }
  }

  /// Runs Pebble around `body`, with a `ChallengeTestServer` as its DNS.
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

  /// Returns the root certificate of chain `index` (0: the default chain) as PEM.
  package func root(_ index: Int = 0) async throws -> String {
    try await fetch("\(managementURL)/roots/\(index)", trusting: caBundlePath)
  }

  /// Returns the last intermediate certificate of chain `index` as PEM.
  package func intermediate(_ index: Int = 0) async throws -> String {
    try await fetch("\(managementURL)/intermediates/\(index)", trusting: caBundlePath)
  }

  /// Returns Pebble's status of a certificate: "Valid" or "Revoked", with the reason.
  ///
  /// The serial number is hexadecimal without colons.
  package func certificateStatus(serialNumber: String) async throws -> String {
    try await fetch(
      "\(managementURL)/cert-status-by-serial/\(serialNumber)", trusting: caBundlePath)
  }

  /// Suspends Pebble until `resume()`: the kernel accepts connections, but no request is answered.
  package func pause() { program.send(SIGSTOP) }

  /// Resumes Pebble after `pause()`.
  package func resume() { program.send(SIGCONT) }

  /// The log so far.
  package var log: String { program.standardOutput }

  /// The size of the log in bytes, for `log(after:)`.
  package var logSize: Int { program.outputSize }

  /// Returns the log after this offset, for tests with thousands of requests.
  package func log(after size: Int) -> String { program.output(after: size) }

  /// The ACME requests so far, such as "POST /order-plz".
  ///
  /// `LoggingProxy` also logs connections and statuses.
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
        // The ports are not reachable from outside the namespace.
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
  /// The settings that Pebble takes from the environment; all are set, as the defaults are random.
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
