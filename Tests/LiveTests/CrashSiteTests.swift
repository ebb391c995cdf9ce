import FoundationEssentials
import TestSupport
import Testing

extension CrashTests {
  /// A change of nginx's files that is cut short: each step of it, by SIGKILL and by a full disk.
  @Suite(.timeLimit(.minutes(30)), .needsPebble, .needsNginx)
  struct CrashSiteTests {
    private static let name = "a.test.example"

    /// What nginx and certctl have of the site: either all of the old or all of the new.
    private struct Picture: Equatable {
      let files: [String: String]
      let record: String?
    }

    private func picture(_ site: SiteHost) throws -> Picture {
      Picture(
        // The answers to challenges are no configuration.
        files: try site.configuration().filter { !$0.key.hasPrefix("certctl/challenges/") },
        record: site.host.folder.read("state/sites/\(Self.name).json"))
    }

    /// The steps of the command that leads from the one picture to the other.
    private func steps(
      _ site: SiteHost, _ command: [String], from back: [String]
    ) async throws -> (old: Picture, new: Picture, count: Int) {
      let old = try picture(site)
      let trace = site.host.folder.path("trace")
      try await site.host.certctl.run(command, environment: ["CERTCTL_FAULT_TRACE": trace])
        .requireSuccess("site add")
      let new = try picture(site)
      #expect(old != new)
      let names = (site.host.folder.read("trace") ?? "").split(separator: "\n")
      // The record, the file, its place: less would mean that nothing is tried.
      #expect(names.count { $0.contains("a.test.example.conf") } >= 4, "\(names)")
      try await site.host.certctl.run(back).requireSuccess("site add")
      #expect(try picture(site) == old)
      return (old, new, names.count)
    }

    @Test func `killed at any step, the next run finds all old or all new, and nginx goes on`()
      async throws
    {
      try await SiteHost.run { site in
        let back = site.addArguments(Self.name)
        let command = site.addArguments(Self.name, upstream: "http://127.0.0.1:9")
        try await site.host.certctl.run(back).requireSuccess("site add")
        let (old, new, count) = try await steps(site, command, from: back)
        var undone = 0
        for number in 1...count {
          let label: Comment = "killed before step \(number) of \(count)"
          _ = try await site.host.certctl.run(
            command, environment: ["CERTCTL_FAULT_KILL": "\(number)"])
          // A restart at this moment must not fail.
          let configuration = site.nginx.folder.path("nginx.conf")
          let test = try await Program(
            "nginx", ["-t", "-q", "-p", site.nginx.folder.path, "-c", configuration]
          ).run()
          #expect(test.exitCode == 0, label)
          let next = try await site.host.certctl.run(["renew"])
          #expect(next.exitCode == 0, label)
          let found = try picture(site)
          #expect(found == old || found == new, label)
          #expect(site.host.entries("transactions").isEmpty, label)
          // The workers of before may answer for a moment.
          try await poll("\(label)") {
            try await site.get("https://\(Self.name):\(site.tlsPort)/")
              .contains(found == old ? "application" : " 502 ")
          }
          if next.standardError.contains("an earlier run was interrupted") { undone += 1 }
          if found == new { try await site.host.certctl.run(back).requireSuccess("site add") }
        }
        // Between the swap and the proof lie several steps.
        #expect(undone > 4)
        print("killed at each of \(count) steps of a site's change, \(undone) of them undone")
      }
    }

    @Test func `on a full disk all files are as they were`() async throws {
      try await SiteHost.run { site in
        let back = site.addArguments(Self.name)
        let command = site.addArguments(Self.name, upstream: "http://127.0.0.1:9")
        try await site.host.certctl.run(back).requireSuccess("site add")
        let (old, new, count) = try await steps(site, command, from: back)
        for number in 1...count {
          let label: Comment = "full disk at step \(number) of \(count)"
          let result = try await site.host.certctl.run(
            command, environment: ["CERTCTL_FAULT_ENOSPC": "\(number)"])
          let found = try picture(site)
          if result.exitCode == 0 {
            #expect(found == new, label)
            try await site.host.certctl.run(back).requireSuccess("site add")
          } else {
            #expect(result.exitCode == 1, "\(label): \(result)")
            // What could not be ended is ended by the next run.
            try await site.host.certctl.run(["renew"]).requireSuccess("renew")
            #expect(try picture(site) == old, label)
          }
          #expect(site.host.entries("transactions").isEmpty, label)
        }
        print("disk full at each of \(count) steps of a site's change")
      }
    }
  }
}
