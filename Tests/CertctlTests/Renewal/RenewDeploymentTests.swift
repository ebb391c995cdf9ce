import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlOperations
@testable import CertctlStore

/// Hooks and failed deployments in `renew` and `issue`.
@Suite(.timeLimit(.minutes(10)))
struct RenewDeploymentTests {
  private func withBench(_ body: (ContextBench) async throws -> Void) async throws {
    try await withTemporaryFolder(label: "deploy") { folder in
      try await body(try ContextBench(folder))
    }
  }

  @Test func `hooks run in order: pre, deploy for each certificate, post`() async throws {
    try await withBench { bench in
      for event in ["pre", "deploy", "post", "notify"] { try bench.hook(event) }
      _ = try await bench.context.issue(bench.request("a.test"))
      #expect(bench.takeHookLog() == ["pre  [a.test]", "deploy a.test [a.test]", "post  [a.test]"])
      _ = try await bench.context.issue(bench.request("b.test"))
      _ = bench.takeHookLog()
      _ = try await bench.context.renew()
      #expect(bench.takeHookLog().isEmpty)
      bench.advance(days: 63)
      let report = try await bench.context.renew()
      #expect(report.exitCode == 0)
      #expect(
        bench.takeHookLog() == [
          "pre  [a.test b.test]", "deploy a.test [a.test]", "deploy b.test [b.test]",
          "post  [a.test b.test]",
        ])
    }
  }

  @Test func `a failed deployment is retried by the next run without a new order`() async throws {
    try await withBench { bench in
      try bench.hook("deploy", script: "echo no server here; exit 3")
      let issued = try await bench.context.issue(bench.request("a.test"))
      #expect(issued.hooks?.map(\.succeeded) == [false])
      #expect(issued.certificate?.deployment == .failed)
      bench.ca.resetLog()
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [.unchanged])
      #expect(report.certificates[0].deploymentError?.contains("exit code 3") == true)
      #expect(report.exitCode == 1)
      #expect(report.hooks.first?.output == "no server here\n")
      try bench.hook("deploy")
      #expect(try await bench.context.renew().exitCode == 0)
      #expect(bench.takeHookLog() == ["deploy a.test [a.test]"])
      #expect(bench.ca.count(.newOrder) == 0)
      #expect(try await bench.context.show(LineageName("a.test")).deployment == .deployed)
      #expect(try await bench.context.renew().hooks.isEmpty)
    }
  }

  @Test func `a failed deployment does not stop the others, and the post hooks run`() async throws {
    try await withBench { bench in
      for name in ["a.test", "b.test"] {
        _ = try await bench.context.issue(bench.request(name))
      }
      try bench.hook("deploy", script: #"[ "$CERTCTL_LINEAGE" != a.test ]"#)
      try bench.hook("post")
      bench.advance(days: 63)
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [.renewed, .renewed])
      #expect(report.certificates.map { $0.deploymentError == nil } == [false, true])
      #expect(report.exitCode == 1)
      #expect(bench.takeHookLog() == ["post  [a.test b.test]"])
    }
  }

  @Test func `a rollback deploys the earlier generation`() async throws {
    try await withBench { bench in
      try bench.hook("deploy")
      _ = try await bench.context.issue(bench.request("a.test"))
      _ = try await bench.context.issue(bench.request("a.test") { $0.force = true })
      _ = bench.takeHookLog()
      let report = try await bench.context.rollback(LineageName("a.test"))
      #expect(report.deployment == .deployed)
      #expect(bench.takeHookLog() == ["deploy a.test [a.test]"])
    }
  }

  @Test func `the notify hook gets a failure as JSON with the CA's message`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("a.test"))
      try bench.hook("notify", script: "cat > \(bench.folder.path("notice"))")
      bench.advance(days: 63)
      bench.ca.inject(
        .problem("rejectedIdentifier", status: 403, detail: "$(reboot) is on a list"),
        on: .newOrder)
      #expect(try await bench.context.renew().exitCode == 1)
      let text = try #require(bench.folder.read("notice"))
      let notice = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
      #expect(notice["reason"].string == "failed")
      #expect(notice["lineage"].string == "a.test")
      #expect(notice["message"].string?.contains("$(reboot) is on a list") == true)
      #expect(notice["attempts"] == 1)
    }
  }

  @Test func `the post hooks also run after a failure`() async throws {
    try await withBench { bench in
      try bench.hook("pre")
      try bench.hook("post")
      bench.ca.inject(.problem("rejectedIdentifier", status: 403), on: .newOrder)
      _ = await failure { try await bench.context.issue(bench.request("a.test")) }
      #expect(bench.takeHookLog() == ["pre  [a.test]", "post  []"])
    }
  }
}
