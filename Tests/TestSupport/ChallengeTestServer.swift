import FoundationEssentials

/// pebble-challtestsrv: Pebble's DNS, with records that a test sets.
///
/// A name without records resolves to 127.0.0.1. Tests use only its DNS; the code under test
/// serves the challenges.
package struct ChallengeTestServer: Sendable {
  /// The address of its DNS (UDP and TCP), as "127.0.0.1:port".
  package let dnsAddress: String
  private let managementURL: String

  /// Runs a server around `body`.
  ///
  /// By default names have no AAAA record, so that Pebble does not try two address families.
  package static func run<Result: Sendable>(
    defaultIPv4: String = "127.0.0.1", defaultIPv6: String = "",
    _ body: (ChallengeTestServer) async throws -> Result
  ) async throws -> Result {
    let dns = try FreePort.pick()
    let management = try FreePort.pick()
    let program = Program(
      "pebble-challtestsrv",
      [
        "-dns01", "127.0.0.1:\(dns)", "-management", "127.0.0.1:\(management)",
        "-http01", "", "-https01", "", "-tlsalpn01", "",
        "-defaultIPv4", defaultIPv4, "-defaultIPv6", defaultIPv6,
      ])
    let server = ChallengeTestServer(
      dnsAddress: "127.0.0.1:\(dns)", managementURL: "http://127.0.0.1:\(management)")
    return try await program.serve(isReady: { _ in
      acceptsConnections(management) && acceptsConnections(dns)
    }) { _ in try await body(server) }
  }

  /// Adds a TXT value to a name, whose final dot is optional.
  package func setTXT(_ host: String, _ value: String) async throws {
    try await post("set-txt", Record(host: host, value: value))
  }

  package func clearTXT(_ host: String) async throws {
    try await post("clear-txt", Record(host: host))
  }

  package func setA(_ host: String, _ addresses: [String]) async throws {
    try await post("add-a", Record(host: host, addresses: addresses))
  }

  package func clearA(_ host: String) async throws {
    try await post("clear-a", Record(host: host))
  }

  package func setAAAA(_ host: String, _ addresses: [String]) async throws {
    try await post("add-aaaa", Record(host: host, addresses: addresses))
  }

  package func clearAAAA(_ host: String) async throws {
    try await post("clear-aaaa", Record(host: host))
  }

  package func setCNAME(_ host: String, to target: String) async throws {
    try await post("set-cname", Record(host: host, target: target))
  }

  package func clearCNAME(_ host: String) async throws {
    try await post("clear-cname", Record(host: host))
  }

  /// Adds a CAA record that permits only this CA, as in `0 issue "letsencrypt.org"`.
  package func setCAA(_ host: String, tag: String = "issue", value: String) async throws {
    let policy = Record.Policy(tag: tag, value: value)
    try await post("add-caa", Record(host: host, policies: [policy]))
  }

  /// Makes the DNS answer SERVFAIL for a name.
  package func setFailure(_ host: String) async throws {
    try await post("set-servfail", Record(host: host))
  }

  package func clearFailure(_ host: String) async throws {
    try await post("clear-servfail", Record(host: host))
  }

  private struct Record: Encodable {
    struct Policy: Encodable { var tag: String, value: String }

    var host: String
    var value: String?
    var target: String?
    var addresses: [String]?
    var policies: [Policy]?
  }

  private func post(_ action: String, _ record: Record) async throws {
    var record = record
    if !record.host.hasSuffix(".") { record.host += "." }
    if let target = record.target, !target.hasSuffix(".") { record.target = target + "." }
    let body = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
    _ = try await fetch("\(managementURL)/\(action)", posting: body)
  }
}
