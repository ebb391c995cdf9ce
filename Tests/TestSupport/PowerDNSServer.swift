/// PowerDNS with a database of its own, its HTTP API and one zone, on loopback.
package struct PowerDNSServer: Sendable {
  /// The key of the API.
  package static let key = "test-api-key"
  /// Where Debian's package has the tables of the database.
  package static let schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

  /// The address of the API.
  package let apiURL: String
  /// Where it answers DNS queries, UDP and TCP.
  package let port: Int
  private let folder: TemporaryFolder

  /// Runs one around `body`.
  ///
  /// - Parameters:
  ///   - zone: The zone that it has.
  ///   - kind: The kind of the zone, such as `NATIVE` or `MASTER`.
  ///   - body: What is done with it.
  /// - Returns: What `body` returns.
  /// - Throws: `HarnessError` when it does not start, and what `body` throws.
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

  /// Runs `pdnsutil`, which changes the database.
  package func manage(_ arguments: String...) async throws {
    try await Program("pdnsutil", ["--config-dir=\(folder.path)"] + arguments).run()
      .requireSuccess("pdnsutil \(arguments.joined(separator: " "))")
  }

  /// The texts of the TXT records that it answers with, in order.
  package func texts(of name: String) async throws -> [String] {
    let answer = try await Program(
      "dig", ["@127.0.0.1", "-p", "\(port)", "+short", "+tries=1", "+time=5", "TXT", name]
    ).run().requireSuccess("dig \(name)")
    return answer.standardOutput.split(separator: "\n").map { String($0.filter { $0 != "\"" }) }
      .sorted()
  }

  private static func configuration(_ folder: TemporaryFolder, port: Int, api: Int) -> String {
    // Without its caches, which would answer with what was there before.
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
