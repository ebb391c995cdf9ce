import CertctlSystem
import FoundationEssentials
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlOperations

/// Hooks run in order with the documented environment.
///
/// Hooks that others can write are skipped.
@Suite(.timeLimit(.minutes(10)))
struct HookTests {
  private let warnings = Warnings()

  private final class Warnings: Sendable {
    let texts = Mutex<[String]>([])
  }

  private func hooks(
    _ folder: TemporaryFolder, timeLimit: Duration = .seconds(60),
    runner: any CommandRunner = ProcessRunner(grace: .milliseconds(300))
  ) -> Hooks {
    let environment = Environment(
      http: { _ in throw HarnessError("a hook needs no network") },
      console: Console(
        warn: { [warnings] text in warnings.texts.withLock { $0.append(text) } }))
    return Hooks(
      configDirectory: folder.path, stateDirectory: "/var/lib/certctl", timeLimit: timeLimit,
      environment: environment, runner: runner)
  }

  @discardableResult
  private func write(
    _ folder: TemporaryFolder, _ name: String, _ script: String, mode: UInt32 = 0o755
  ) throws -> String {
    let path = try folder.write(
      name.contains("/") ? "hooks/\(name)" : name, "#!/bin/sh\n\(script)\n")
    try #require(chmod(path, mode) == 0)
    return path
  }

  private var lineage: LineageReport {
    var report = LineageReport(
      name: "example.com", state: .valid, names: ["example.com", "*.example.com", "192.0.2.1"])
    report.directory = "/var/lib/certctl/live/example.com"
    report.issuer = "A CA's $(words); \u{1B}[31m"
    return report
  }

  // MARK: - Order and environment

  @Test func `hooks of an event run sorted by name, then the lineage's own hooks`() async throws {
    try await withTemporaryFolder { folder in
      for name in ["deploy.d/b", "deploy.d/10-a", "deploy.d/B", "deploy.d/9-z", "pre.d/a"] {
        try write(folder, name, "echo $0 >> \(folder.path("log"))")
      }
      let own = try write(folder, "mine", "echo $0 >> \(folder.path("log"))")
      let shared = folder.path("hooks/deploy.d/b")
      let results = try await hooks(folder).run(.deploy(lineage), own: [own, shared])
      let names = ["deploy.d/10-a", "deploy.d/9-z", "deploy.d/B", "deploy.d/b"]
      let expected = names.map { folder.path("hooks/\($0)") } + [own]
      #expect(results.map(\.path) == expected)
      #expect(folder.read("log") == expected.map { $0 + "\n" }.joined())
      #expect(results.allSatisfy { $0.succeeded && $0.lineage == "example.com" })
    }
  }

  @Test func `a hook gets the documented variables and no others`() async throws {
    try await withTemporaryFolder { folder in
      setenv("CERTCTL_EAB_SECRET", "hunter2", 1)
      try write(folder, "deploy.d/show", "env | grep -E '^(CERTCTL|RENEWED|FAILED)_' | sort")
      let output = try await hooks(folder).run(.deploy(lineage))[0].output
      let live = "/var/lib/certctl/live/example.com"
      #expect(
        output == """
          CERTCTL_CERT=\(live)/cert.pem
          CERTCTL_CHAIN=\(live)/chain.pem
          CERTCTL_EVENT=deploy
          CERTCTL_FULLCHAIN=\(live)/fullchain.pem
          CERTCTL_LINEAGE=example.com
          CERTCTL_LIVE_DIR=\(live)
          CERTCTL_NAMES=example.com *.example.com 192.0.2.1
          CERTCTL_PRIVKEY=\(live)/privkey.pem
          CERTCTL_STATE_DIR=/var/lib/certctl
          RENEWED_DOMAINS=example.com *.example.com 192.0.2.1
          RENEWED_LINEAGE=\(live)

          """)
    }
  }

  @Test func `an unsafe name reaches a hook only in JSON`() async throws {
    try await withTemporaryFolder { folder in
      try write(folder, "deploy.d/show", "echo \"$RENEWED_DOMAINS\"; cat")
      var hostile = lineage
      hostile.names = ["good.example", "bad\nLD_PRELOAD=/x", "$(id)", "two words"]
      let output = try await hooks(folder).run(.deploy(hostile))[0].output
      #expect(output.hasPrefix("good.example\n{"))
      let json = try #require(JSONValue(Array(output.utf8.dropFirst("good.example\n".count))))
      #expect(json["certificate"]["names"].array.count == 4)
      #expect(json["certificate"]["issuer"].string == lineage.issuer)
    }
  }

  @Test func `notify hooks get the notice as JSON`() async throws {
    try await withTemporaryFolder { folder in
      try write(folder, "notify.d/mail", "cat")
      let notice = HookNotice(
        reason: .expiring, message: "the CA says \"no\"", lineage: "example.com",
        names: ["example.com"], notAfter: Date(timeIntervalSince1970: 0), attempts: 3)
      let result = try await hooks(folder).run(.notify(notice))[0]
      let json = try #require(JSONValue(Array(result.output.utf8)))
      #expect(json["version"].number == 1)
      #expect(json["event"].string == "notify")
      #expect(json["reason"].string == "expiring")
      #expect(json["lineage"].string == "example.com")
      #expect(json["message"].string == "the CA says \"no\"")
      #expect(json["notAfter"].string == "1970-01-01T00:00:00Z")
      #expect(json["attempts"].number == 3)
    }
  }

  @Test func `post hooks get the renewed and the failed names`() async throws {
    try await withTemporaryFolder { folder in
      try write(folder, "post.d/a", "echo $CERTCTL_EVENT $RENEWED_DOMAINS / $FAILED_DOMAINS")
      var failed = lineage
      failed.names = ["other.example"]
      let result = try await hooks(folder).run(.post(renewed: [lineage], failed: [failed]))[0]
      #expect(
        result.output == "post example.com *.example.com 192.0.2.1 / other.example\n")
      #expect(result.lineage == nil)
    }
  }

  // MARK: - Skipped hooks

  @Test func `leftovers of editors and package managers are skipped with a warning`() async throws {
    try await withTemporaryFolder { folder in
      let leftovers = [
        ".hidden", "a~", "a.bak", "a.dpkg-old", "a.dpkg-dist", "a.rpmsave", "a.rpmnew", "#a#",
        "a.sh.swp", "a.orig",
      ]
      for name in leftovers + ["a", "b.sh"] { try write(folder, "deploy.d/\(name)", "true") }
      let results = try await hooks(folder).run(.deploy(lineage))
      #expect(results.map(\.path) == ["a", "b.sh"].map { folder.path("hooks/deploy.d/\($0)") })
      let texts = warnings.texts.withLock { $0 }
      #expect(texts.count == leftovers.count)
      for name in leftovers {
        #expect(texts.contains { $0.hasPrefix("skipped the hook") && $0.contains("/\(name): ") })
      }
    }
  }

  @Test func `hooks and hook folders that others can write are skipped`() async throws {
    try await withTemporaryFolder { folder in
      try write(folder, "deploy.d/open", "true", mode: 0o775)
      try write(folder, "deploy.d/plain", "true", mode: 0o644)
      try write(folder, "deploy.d/safe", "true")
      let reports = try await hooks(folder).list(.deploy)
      #expect(reports.map(\.isUsable) == [false, false, true])
      expectText(reports[0].hint, mentions: "chmod go-w \(folder.path("hooks/deploy.d/open"))")
      expectText(reports[1].hint, mentions: "chmod +x \(folder.path("hooks/deploy.d/plain"))")
      chmod(folder.path("hooks"), 0o777)
      #expect(try await hooks(folder).run(.deploy(lineage)).isEmpty)
      #expect(warnings.texts.withLock { $0.count } == 3)
    }
  }

  @Test func `a lineage's own hook that is not usable is a failure`() async throws {
    try await withTemporaryFolder { folder in
      let own = try write(folder, "mine", "true", mode: 0o777)
      let results = try await hooks(folder).run(.deploy(lineage), own: [own, "/no/such/hook"])
      #expect(results.map(\.succeeded) == [false, false])
      expectText(results[0].hint, mentions: "chmod go-w \(own)")
      #expect(results[1].message.contains("no such file"))
    }
  }

  @Test func `without hooks or hook folders nothing runs`() async throws {
    try await withTemporaryFolder { folder in
      let reports = try await hooks(folder).list()
      let results = try await hooks(folder).run(.pre(due: [lineage]))
      #expect(reports.isEmpty && results.isEmpty)
    }
  }

  @Test func `hostile file names are taken literally`() async throws {
    try await withTemporaryFolder { folder in
      let names = ["$(touch x)", "-rf", "a b", "a\nb", "'\"", ";reboot"]
      for name in names { try write(folder, "deploy.d/\(name)", "printf %s \"${0##*/}\"") }
      let results = try await hooks(folder).run(.deploy(lineage))
      #expect(Set(results.map(\.output)) == Set(names))
      #expect(results.allSatisfy { $0.succeeded && $0.message.contains($0.path) })
    }
  }

  // MARK: - Results

  @Test func `a failed hook does not stop the others, and its result says why`() async throws {
    try await withTemporaryFolder { folder in
      try write(folder, "deploy.d/1", "echo bad luck >&2; exit 3")
      try write(folder, "deploy.d/2", "kill -9 $$")
      try folder.write("hooks/deploy.d/3", "#!/no/such/interpreter\n")
      chmod(folder.path("hooks/deploy.d/3"), 0o755)
      try write(folder, "deploy.d/4", "exit 0")
      let results = try await hooks(folder).run(.deploy(lineage))
      #expect(results.map(\.succeeded) == [false, false, false, true])
      #expect(results[0].exitCode == 3)
      #expect(results[0].output == "bad luck\n")
      #expect(
        results[0].message == "the deploy hook \(folder.path("hooks/deploy.d/1")) for example.com "
          + "failed with exit code 3")
      #expect(results[1].signal == SIGKILL)
      #expect(results[1].message.hasSuffix(" by signal 9"))
      expectText(results[2].hint, mentions: "interpreter")
    }
  }

  @Test func `a hanging hook is stopped with its children`() async throws {
    try await withTemporaryFolder { folder in
      let script = "sleep 41 & echo $! > \(folder.path("pid")); echo so far; wait"
      try write(folder, "deploy.d/slow", script)
      let result = try await hooks(folder, timeLimit: .seconds(1)).run(.deploy(lineage))[0]
      #expect(result.timedOut && !result.succeeded)
      #expect(result.message.hasSuffix(" time limit of 1 seconds"))
      #expect(result.output == "so far\n")
      let pid = try #require(folder.read("pid").flatMap { Int32($0.dropLast()) })
      try await poll("the end of the grandchild") {
        readText("/proc/\(pid)/stat")?.contains(") Z ") ?? true
      }
    }
  }

  @Test func `cancellation stops the running hook and starts no other`() async throws {
    try await withTemporaryFolder { folder in
      try write(folder, "deploy.d/1", "echo $$ > \(folder.path("pid")); exec sleep 42")
      try write(folder, "deploy.d/2", "touch \(folder.path("second"))")
      let hooks = hooks(folder)
      let task = Task { try await hooks.run(.deploy(lineage)) }
      try await poll("the hook") { folder.read("pid")?.hasSuffix("\n") == true }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(!folder.contains("second"))
      let pid = try #require(folder.read("pid").flatMap { Int32($0.dropLast()) })
      #expect(kill(pid, 0) != 0)
    }
  }

  @Test func `a hook's output is capped`() async throws {
    try await withTemporaryFolder { folder in
      try write(folder, "deploy.d/loud", "head -c 1000000 /dev/zero | tr '\\0' x; echo; exit 1")
      let output = try await hooks(folder).run(.deploy(lineage))[0].output
      #expect(output.utf8.count < 66_000)
      #expect(output.contains("bytes omitted"))
    }
  }
}
