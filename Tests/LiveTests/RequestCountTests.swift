import FoundationEssentials
import TestSupport
import Testing

/// The number of requests per issuance (ARCHITECTURE.md, "Requests"), from a proxy's log.
@Suite(.timeLimit(.minutes(15)))
struct RequestCountTests {
  @Test(.needsPebble, .needsNginx)
  func `one name takes ten requests at first, then eight, nine without a cached directory`()
    async throws
  {
    try await run { host, proxy in
      try await host.issue("a.example.com").requireSuccess("the first")
      #expect(try await floor(proxy).count == 10)
      try await host.issue("b.example.com").requireSuccess("the second")
      #expect(
        try await floor(proxy) == [
          "nonce-plz", "order-plz", "authZ", "chalZ", "my-order", "finalize-order", "my-order",
          "certZ",
        ])
      try FileManager.default.removeItem(atPath: host.folder.path("state/cache/directories"))
      try await host.issue("c.example.com").requireSuccess("the third")
      #expect(try await floor(proxy).count == 9)
    }
  }

  @Test(.needsPebble, .needsNginx)
  func `a reused authorization leaves five requests`() async throws {
    try await run {
      $0.authorizationReusePercent = 100
    } _: { host, proxy in
      try await host.issue("example.com").requireSuccess("the first")
      _ = try await floor(proxy)
      try await host.issue("example.com", options: ["--force"]).requireSuccess("the second")
      #expect(
        try await floor(proxy) == ["nonce-plz", "order-plz", "finalize-order", "my-order", "certZ"])
    }
  }

  @Test(.needsPebble, .needsNginx)
  func `ten names take twenty-six requests`() async throws {
    try await run { host, proxy in
      try await host.issue("example.com").requireSuccess("the first")
      _ = try await floor(proxy)
      let names = (1...10).map { "n\($0).example.com" }
      try await host.issue(names, by: host.standalone).requireSuccess("the ten")
      #expect(try await floor(proxy).count == 26)
    }
  }

  @Test(.needsPebble, .needsNginx)
  func `no request is sent when nothing is due`() async throws {
    try await run { host, proxy in
      try await host.issue("example.com").requireSuccess("the first")
      _ = try await floor(proxy)
      let result = try await host.issue("example.com")
      #expect(result.exitCode == 0, "\(result)")
      #expect(result.standardOutput.hasPrefix("Nothing to do"), "\(result)")
      #expect(try await requests(proxy).isEmpty)
      let quiet = try json(try await host.issue("example.com", options: ["--json"]))
      #expect(quiet["outcome"].string == "unchanged")
      #expect(try await requests(proxy).isEmpty)
    }
  }

  @Test(.needsPebble, .needsNginx, arguments: [true, false])
  func `all requests share one connection, even when the CA refuses nonces`(http2: Bool)
    async throws
  {
    try await run(http2: http2) {
      $0.nonceRejectPercent = 50
    } _: { host, proxy in
      let names = (1...5).map { "n\($0).example.com" }
      try await host.issue(names, by: host.standalone).requireSuccess("issue")
      let all = try await requests(proxy)
      #expect(all.count > 18)
      #expect(Set(all.map(\.connection)).count == 1)
      #expect(Set(all.map(\.httpVersion)) == [http2 ? "HTTP/2.0" : "HTTP/1.1"])
      #expect(all.allSatisfy { $0.userAgent.hasPrefix("certctl/") })
    }
  }

  // MARK: - Counting

  private func run(
    http2: Bool = true, _ configure: (inout Pebble.Configuration) -> Void = { _ in },
    _ body: (LiveHost, LoggingProxy) async throws -> Void
  ) async throws {
    try await LiveHost.run(configure) { host in
      try await LoggingProxy.run(to: host.pebble, http2: http2) { proxy in
        var host = host
        host.directoryURL = proxy.directoryURL
        try await body(host, proxy)
      }
    }
  }

  /// Returns the kinds of certctl's requests since the last call.
  ///
  /// Repeated polls of the order count once. All requests must have used one connection.
  private func floor(_ proxy: LoggingProxy) async throws -> [String] {
    var needed: [String] = []
    let all = try await requests(proxy)
    for kind in all.map(kind) where kind != "my-order" || needed.last != "my-order" {
      needed.append(kind)
    }
    #expect(Set(all.map(\.connection)).count == 1)
    #expect(all.allSatisfy { $0.status < 400 })
    return needed
  }

  /// Returns certctl's requests since the last call.
  private func requests(_ proxy: LoggingProxy) async throws -> [LoggingProxy.Request] {
    // The log has one writer: once the marker is in it, all earlier requests are, too.
    let marker = "marker-\(UInt32.random(in: 0 ... .max))"
    _ = try await fetch("\(proxy.directoryURL)?\(marker)", trusting: proxy.caBundlePath)
    try await poll("the log") { proxy.requests.contains { $0.path.hasSuffix(marker) } }
    let all = proxy.requests.filter { !$0.path.contains("marker-") }
    try proxy.forgetRequests()
    return all
  }

  /// Returns the first part of a request's path, which is the kind of request in Pebble.
  private func kind(_ request: LoggingProxy.Request) -> String {
    request.path.split(separator: "/").first.map(String.init) ?? ""
  }
}
