/// PowerDNS on loopback with its own database, the HTTP API and one zone.
package struct PowerDNSServer: Sendable {
  /// The API key.
  package static let key = "test-api-key"
  /// The database schema in Debian's package.
  package static let schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

  /// The base URL of the API.
  package let apiURL: String
  /// The port for DNS queries, UDP and TCP.
  package let port: Int
  private let folder: TemporaryFolder

  /// Runs a server around `body`.
  ///
  /// - Parameters:
  ///   - zone: The zone to create.
  ///   - kind: The kind of the zone, such as `NATIVE` or `MASTER`.
  ///   - body: The code to run meanwhile.
  /// - Returns: The result of `body`.
  /// - Throws: `HarnessError` if the server does not start; errors of `body`.
  package static func run<Result: Sendable>(
    zone: String, kind: String = "NATIVE", _ body: (PowerDNSServer) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder(label: "pdns") { folder in
      let api = try FreePort.pick()
      let port = try FreePort.pick()
      let server = PowerDNSServer(
        apiURL: "http://127.0.0.1:\(api)", port: port, folder: folder)
      try folder.write("pdns.conf", configuration(folder, port: port, api: api))
      try await Program("sqlite3", [folder.path("zones.db"), ".read \(schema)"]).run()
        .requireSuccess("sqlite3")
      try await server.manage("create-zone", zone, "ns1.\(zone)")
      try await server.manage("set-kind", zone, kind)
      let program = Program("pdns_server", ["--config-dir=\(folder.path)"])
      return try await program.serve(isReady: { _ in
        acceptsConnections(api) && acceptsConnections(port)
      }) { _ in try await body(server) }
    }
  }

  /// Runs `pdnsutil` on the database.
  package func manage(_ arguments: String...) async throws {
    try await Program("pdnsutil", ["--config-dir=\(folder.path)"] + arguments).run()
      .requireSuccess("pdnsutil \(arguments.joined(separator: " "))")
  }

  /// Queries the server and returns the sorted TXT values of a name.
  package func texts(of name: String) async throws -> [String] {
    let answer = try await Program(
      "dig", ["@127.0.0.1", "-p", "\(port)", "+short", "+tries=1", "+time=5", "TXT", name]
    ).run().requireSuccess("dig \(name)")
    return answer.standardOutput.split(separator: "\n").map { String($0.filter { $0 != "\"" }) }
      .sorted()
  }

  private static func configuration(_ folder: TemporaryFolder, port: Int, api: Int) -> String {
    // Caches are off, or answers would be outdated.
    """
    launch=gsqlite3
    gsqlite3-database=\(folder.path("zones.db"))
    socket-dir=\(folder.path)
    local-address=127.0.0.1
    local-port=\(port)
    webserver=yes
    webserver-address=127.0.0.1
    webserver-port=\(api)
    webserver-allow-from=127.0.0.0/8
    api=yes
    api-key=\(key)
    primary=yes
    cache-ttl=0
    query-cache-ttl=0
    negquery-cache-ttl=0
    zone-cache-refresh-interval=0
    security-poll-suffix=

    """
  }
}
