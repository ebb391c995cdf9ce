import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlOperations
@testable import CertctlStore

/// The deploy hooks that `issue` saves with a lineage.
struct OwnHookTests {
  private func withBench(
    defaults: [String]? = nil, _ body: (ContextBench, String) async throws -> Void
  ) async throws {
    try await withTemporaryFolder(label: "hooks") { folder in
      let script = try folder.write("tell web", "#!/bin/sh\n")
      try #require(chmod(script, 0o755) == 0)
      var configuration = Configuration()
      configuration.settings.hooks = defaults
      try await body(try ContextBench(folder, configuration: configuration), script)
    }
  }

  private func hooks(_ bench: ContextBench) throws -> [String]? {
    try LineageStore(state: bench.state).lineage(exampleName)?.settings.hooks
  }

  @Test func `hooks are saved, replaced and removed without a new certificate`() async throws {
    try await withBench { bench, script in
      let context = bench.context
      _ = try await context.issue(bench.request("example.com") { $0.overrides.hooks = [script] })
      #expect(try hooks(bench) == [script])
      _ = try await context.issue(bench.request("example.com"))
      #expect(try hooks(bench) == [script])
      let listed = try await context.listHooks()
      #expect(listed.map(\.path) == [script] && listed[0].lineage == "example.com")
      let more = [script, "/bin/true"]
      let changed = try await context.issue(
        bench.request("example.com") { $0.overrides.hooks = more })
      #expect(changed.outcome == .unchanged)
      #expect(try hooks(bench) == more)
      _ = try await context.issue(bench.request("example.com") { $0.overrides.hooks = [] })
      #expect(try hooks(bench) == [])
    }
  }

  @Test func `an unsafe or invalid hook is refused before any request`() async throws {
    try await withBench { bench, script in
      func refused(_ hook: String) async -> CertctlError? {
        await failure {
          try await bench.context.issue(
            bench.request("example.com") { $0.overrides.hooks = [hook] })
        }
      }
      chmod(script, 0o777)
      let open = await refused(script)
      expectError(
        open, code: .usage, mentions: "can be written by everybody", hint: "chmod go-w \(script)")
      chmod(script, 0o644)
      let plain = await refused(script)
      expectError(plain, mentions: script, endsWith: ": it is not executable")
      // certbot accepts a command with arguments.
      let command = await refused("/usr/bin/systemctl reload nginx")
      expectError(
        command, endsWith: ": no such file", hint: "without arguments")
      #expect(bench.ca.count() == 0)
      #expect(bench.files.filter { !$0.hasPrefix("cache") }.isEmpty)
    }
  }

  @Test func `a hook that was deleted later does not stop an issue`() async throws {
    try await withBench { bench, script in
      _ = try await bench.context.issue(
        bench.request("example.com") { $0.overrides.hooks = [script] })
      unlink(script)
      let again = try await bench.context.issue(bench.request("example.com") { $0.force = true })
      #expect(again.outcome == .issued)
    }
  }

  @Test func `an invalid hook in the configuration file is a configuration error`() async throws {
    try await withBench(defaults: ["/no/such/hook"]) { bench, _ in
      let error = await failure { try await bench.context.issue(bench.request("example.com")) }
      #expect(error?.code == .configuration)
      #expect(error?.exitCode == 78)
      expectError(error, mentions: "/no/such/hook")
    }
  }
}
