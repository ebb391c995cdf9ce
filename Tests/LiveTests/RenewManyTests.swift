import ACME
import TestSupport
import Testing

/// `certctl renew` with many lineages.
@Suite(.timeLimit(.minutes(30)))
struct RenewManyTests {
  /// Creates these lineages with a certificate each, and one more that is not due.
  private func obtain(
    _ names: [String], on host: RenewalHost, within limit: Duration = .seconds(120)
  ) async throws {
    try await host.issue("model.example.com")
    try host.addLineages(names, like: "model.example.com")
    try host.writeHooks()
    // A lineage without a certificate is due.
    let run = try await host.renew("--jobs", "10", within: limit)
    #expect(run.lineages("renewed") == names, "\(run)")
    _ = host.takeHookLog()
  }

  @Test(.needsAcme2Certifier)
  func `two hundred due lineages are renewed in one run`() async throws {
    try await RenewalHost.run { host in
      let names = (100..<300).map { "n\($0).example.com" }
      let limit = Duration.seconds(400)
      try await obtain(names, on: host, within: limit)
      let old = try names.map { try host.leaf($0) }

      try host.server.change(.init { $0.window = .past })
      try host.server.proxy.forgetRequests()
      let placed = try host.server.orders.count
      let clock = ContinuousClock.now
      let run = try await host.renew("--jobs", "10", within: limit)
      print("200 lineages were renewed in \(ContinuousClock.now - clock)")
      #expect(run.exitCode == 0, "\(run)")
      #expect(run.lineages("renewed") == names, "\(run)")
      #expect(names.allSatisfy { host.generationCount($0) == 2 })

      let orders = try host.server.orders.dropFirst(placed)
      #expect(Set(orders.map(\.replaces)) == Set(old.map { CertificateID($0)?.rawValue }))
      #expect(orders.count == 200)
      #expect(orders.allSatisfy { $0.status == 201 })
      // nginx closes each connection after a thousand requests.
      let requests = host.server.proxy.requests.count
      #expect(host.server.proxy.connectionCount == (requests + 999) / 1000)
      // One deploy hook for each, then one post hook.
      let log = host.takeHookLog()
      #expect(log.dropLast().sorted() == names)
      #expect(log.last == "post")
    }
  }

  @Test(.needsAcme2Certifier, .requires("cc"))
  func `if the CA dies midway, finished renewals stay and the others remain due`() async throws {
    try await RenewalHost.run { host in
      let names = (10..<50).map { "n\($0).example.com" }
      try await obtain(names, on: host)

      try host.server.change(
        .init {
          $0.window = .past
          $0.diesAfter = 41 + 15
        })
      let run = try await host.renew("--jobs", "10")
      #expect(!host.server.isRunning)
      #expect(run.exitCode == 75, "\(run)")
      let finished = run.lineages("renewed")
      // The CA may have died before it sent the last responses.
      #expect((1...15).contains(finished.count), "\(finished)")
      #expect(run.outcomes.count == 40, "\(run)")
      for name in names {
        #expect(host.generationCount(name) == (finished.contains(name) ? 2 : 1), "\(name)")
      }
      #expect(host.takeHookLog().sorted() == finished + ["post"])

      try await host.server.runAgain {
        let again = try await host.renew("--jobs", "10", later: .seconds(300))
        #expect(again.exitCode == 0, "\(again)")
        #expect(again.lineages("renewed") == names.filter { !finished.contains($0) }, "\(again)")
      }
      #expect(names.allSatisfy { host.generationCount($0) == 2 })
    }
  }

  @Test(.requires("pebble", "pebble-challtestsrv"))
  func `with --jobs 1 two hundred lineages are renewed and deployed in one run`() async throws {
    try await LiveHost.run { host in
      var certctl = host.certctl
      certctl.commonArguments = ["--config", try host.folder.write("certctl.toml", "")]
      try await host.issue("model.example.com").requireSuccess("issue")
      let names = (100..<300).map { "n\($0).example.com" }
      try host.folder.addLineages(names, like: "model.example.com")
      try host.folder.writeLoggingHooks()
      let result = try await certctl.run(
        ["renew", "--json", "--jobs", "1"], within: .seconds(500))
      #expect(result.exitCode == 0, "\(result)")
      let outcomes = try json(result)["certificates"].array.map { $0["outcome"].string }
      #expect(outcomes.count { $0 == "renewed" } == 200)
      #expect(host.entries("live").count == 201)
      #expect(host.entries("pending").isEmpty)
      let log = host.folder.takeHookLog()
      // The model was deployed when it was issued.
      #expect(log.dropLast().sorted() == names)
      #expect(log.last == "post")
      // The next run has nothing to do and sends no request.
      let size = host.pebble.logSize
      try await certctl.run(["renew"]).requireSuccess("renew")
      #expect(host.pebble.log(after: size).contains("calling handler") == false)
    }
  }
}
