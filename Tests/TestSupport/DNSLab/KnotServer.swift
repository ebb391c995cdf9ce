import FoundationEssentials
package import Testing

/// Knot with one zone on a free port; certctl also uses it as the zone's resolver.
///
/// All names of the zone have the address 127.0.0.1. `home` has its own record, because a record
/// below it would hide the wildcard. Requires neither root nor a network namespace.
package struct KnotServer: Sendable {
  /// The address for UDP and TCP, as "127.0.0.1:port".
  package let address: String
  package let port: Int
  /// The path of the TSIG key file for updates, in BIND's format.
  package let keyPath: String

  /// Runs a server around `body`.
  package static func run<Result: Sendable>(
    zone: String, _ body: (KnotServer) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder(label: "knot") { folder in
      let port = try FreePort.pick()
      let secret = DNSLab.keys["hmac-sha256"] ?? ""
      let key = try folder.write(
        "update.key", "key update { algorithm hmac-sha256; secret \"\(secret)\"; };\n")
      try folder.write(
        "zone",
        """
        $ORIGIN \(zone).
        $TTL 5
        @ SOA ns hostmaster 1 86400 600 864000 5
        @ NS ns
        @ A 127.0.0.1
        * A 127.0.0.1
        ns A 127.0.0.1
        home A 127.0.0.1

        """)
      try folder.write(
        "knot.conf",
        """
        server:
            rundir: \(folder.path)
            listen: 127.0.0.1@\(port)
        database:
            storage: \(folder.path)
        log:
          - target: stderr
            any: info
        key:
          - id: update
            algorithm: hmac-sha256
            secret: \(secret)
        acl:
          - id: update
            key: update
            action: update
        zone:
          - domain: \(zone)
            file: \(folder.path("zone"))
            acl: update

        """)
      return try await Program("knotd", ["-c", folder.path("knot.conf")]).serve(isReady: { _ in
        let answer = try await dig(zone, "SOA", port)
        return answer.contains("86400")
      }) { _ in
        try await body(KnotServer(address: "127.0.0.1:\(port)", port: port, keyPath: key))
      }
    }
  }

  /// Returns the TXT values of a name, one per line.
  package func texts(_ name: String) async throws -> String {
    try await Self.dig(name, "TXT", port)
  }

  /// The settings for certctl, in the format of certctl.toml.
  package var configuration: String {
    """
    dns = "rfc2136"
    dns-resolver = "\(address)"
    dns-port = \(port)

    [dns-credentials]
    RFC2136_NAMESERVER = "\(address)"
    RFC2136_TSIG_FILE = "\(keyPath)"

    """
  }

  private static func dig(_ name: String, _ type: String, _ port: Int) async throws -> String {
    try await Program(
      "dig",
      ["+short", "+time=1", "+tries=1", "+norecurse", "@127.0.0.1", "-p", "\(port)", name, type]
    ).run().standardOutput
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips the test if Knot is missing; fails it if `CI=true`.
  package static var needsKnot: Self { .requires("knotd", "dig") }
}
