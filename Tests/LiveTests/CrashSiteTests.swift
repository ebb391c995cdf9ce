import FoundationEssentials
import TestSupport
import Testing

extension CrashTests {
  /// A change of nginx's files that fails at each step, by SIGKILL or because the disk is full.
  @Suite(.timeLimit(.minutes(30)), .needsPebble, .needsNginx)
  struct CrashSiteTests {
    private static let name = "a.test.example"

    /// The nginx files and the record of the site, which must be all old or all new.
    private struct Picture: Equatable {
      let files: [String: String]
      let record: String?
    }

    private func picture(_ site: SiteHost) throws -> Picture {
      Picture(
        // Challenge responses are not configuration.
        files: try site.configuration().filter { !$0.key.hasPrefix("certctl/challenges/") },
        record: site.host.folder.read("state/sites/\(Self.name).json"))
    }

    /// Returns the pictures before and after the command, and its steps; `back` undoes the command.
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
      // Fewer steps would mean that nothing is tested.
      #expect(names.count { $0.contains("a.test.example.conf") } >= 4, "\(names)")
      try await site.host.certctl.run(back).requireSuccess("site add")
      #expect(try picture(site) == old)
      return (old, new, names.count)
    }

    @Test func `after a kill at any step the site is all old or all new, and nginx works`()
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
          // A restart of nginx must not fail at this point.
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
          // The old workers may answer for a moment.
          try await poll("\(label)") {
            try await site.get("https://\(Self.name):\(site.tlsPort)/")
              .contains(found == old ? "application" : " 502 ")
          }
          if next.standardError.contains("an earlier run was interrupted") { undone += 1 }
          if found == new { try await site.host.certctl.run(back).requireSuccess("site add") }
        }
        // Several steps lie between the switch and the verification.
        #expect(undone > 4)
        print("killed at each of \(count) steps of a site's change, \(undone) of them undone")
      }
    }

    @Test func `on a full disk all files stay unchanged`() async throws {
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
            // The next run undoes what this one could not.
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
