import CertctlCore
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlOperations
@testable import CertctlServing
@testable import CertctlStore

/// Findings in JSON reports, alongside the older keys.
struct FindingTests {
  private static let now = Date(timeIntervalSince1970: 1_780_315_200)

  private func json(_ value: some Encodable) throws -> JSONValue {
    try #require(JSONValue([UInt8](StateCoding.encoder().encode(value))))
  }

  private func codes(_ json: JSONValue) -> [String] {
    json["findings"].array.compactMap { $0["code"].string }
  }

  private func lineage(
    _ state: LineageReport.State, _ change: (inout LineageReport) -> Void = { _ in }
  ) throws -> JSONValue {
    var report = LineageReport(name: "a.test", state: state, names: ["a.test"])
    change(&report)
    report.findings = report.findings(at: Self.now)
    return try json(report)
  }

  @Test func `the report of a damaged certificate has a finding with a hint`() throws {
    let report = try lineage(.damaged) {
      $0.problem = "a file is \u{1B}[31m"
      $0.problemHint = "restore it"
    }
    #expect(report["problem"].string == "a file is \u{1B}[31m")
    #expect(report["problemHint"] == .null)
    #expect(
      report["findings"] == [
        [
          "level": "error", "code": "damaged", "message": "a file is \u{1B}[31m",
          "hint": "restore it",
        ]
      ])
  }

  @Test func `a certificate report has findings on state, renewal and deployment`() throws {
    #expect(codes(try lineage(.valid)).isEmpty)
    #expect(codes(try lineage(.due)).isEmpty)
    let expired = try lineage(.expired) {
      $0.notAfter = Self.now.addingTimeInterval(-1)
      $0.renewAt = Self.now.addingTimeInterval(1)
      $0.renewReason = "held back after 3 failures"
      $0.lastFailure = .init(date: Self.now, message: "no names:\n  a.test: no route")
      $0.deployment = .failed
      $0.deploymentFailure = "nginx -t failed"
    }
    #expect(codes(expired) == ["expired", "renewalHeld", "renewalFailed", "deploymentFailed"])
    let messages = expired["findings"].array.compactMap { $0["message"].string }
    #expect(messages[0].hasSuffix("expired on 2026-06-01T11:59:59Z"))
    #expect(messages[1] == "held back after 3 failures")
    #expect(messages[2].hasSuffix("failed on 2026-06-01T12:00:00Z: no names: a.test: no route"))
    #expect(messages[3] == "deployment failed: nginx -t failed")
    #expect(codes(try lineage(.revoked)) == ["revoked"])
    #expect(codes(try lineage(.placeholder)) == ["placeholder"])
    #expect(codes(try lineage(.degraded) { $0.missingNames = ["b.test"] }) == ["namesMissing"])
    #expect(codes(try lineage(.valid) { $0.deployment = .notDeployed }) == ["notDeployed"])
  }

  @Test func `a renewal result lists all its problems`() throws {
    let error = CertctlError(
      .challengeFailed, "no names:", hint: "open port 80", details: ["a.test: no route"])
    var result = RenewalResult(lineage: "a.test", outcome: .failed, reason: error.text)
    result.error = ErrorDetail(error)
    result.deploymentError = "nginx -t failed"
    result.notAfter = Self.now
    result.isUrgent = true
    let report = try json(result)
    #expect(codes(report) == ["renewalFailed", "deploymentFailed", "expiresSoon"])
    let first = report["findings"].array[0]
    #expect(first["subject"].string == "a.test")
    #expect(first["message"].string == "no names: a.test: no route")
    #expect(first["hint"].string == "open port 80")
    #expect(report["reason"].string == "no names:\n  a.test: no route")
    #expect(report["error"]["message"].string == report["reason"].string)
    #expect(report["deploymentError"].string == "nginx -t failed")
    #expect(report["outcome"].string == "failed" && report["names"].array.isEmpty)
    for (outcome, code) in [
      (RenewalResult.Outcome.held, "renewalHeld"), (.postponed, "renewalPostponed"),
      (.locked, "renewalLocked"),
    ] {
      #expect(codes(try json(RenewalResult(lineage: "a", outcome: outcome, reason: "x"))) == [code])
    }
    #expect(codes(try json(RenewalResult(lineage: "a", outcome: .renewed, reason: "x"))) == [])
  }

  @Test func `a hook has a finding if it is not usable or failed`() throws {
    let bad = HookReport(event: .deploy, path: "/h/a~", problem: "it is hidden", hint: "delete it")
    #expect(
      try json(bad) == [
        "event": "deploy", "path": "/h/a~", "problem": "it is hidden", "hint": "delete it",
        "findings": [
          [
            "level": "warning", "code": "hookNotUsable", "subject": "/h/a~",
            "message": "does not run: it is hidden", "hint": "delete it",
          ]
        ],
      ])
    #expect(codes(try json(HookReport(event: .pre, path: "/h/b"))).isEmpty)
    var failed = HookResult(
      event: .pre, path: "/h/b", succeeded: false, message: "it ended", hint: "see it")
    failed.exitCode = 4
    let result = try json(failed)
    #expect(codes(result) == ["hookFailed"])
    #expect(result["exitCode"].number == 4 && result["hint"].string == "see it")
    #expect(result["timedOut"].bool == false && result["output"].string == "")
    let good = HookResult(event: .pre, path: "/h/b", succeeded: true, message: "it succeeded")
    #expect(codes(try json(good)).isEmpty)
  }

  @Test func `an nginx report says what nginx refuses or does not serve`() throws {
    var report = NginxReport(
      RunningNginx(pid: 1, executable: "/usr/sbin/nginx", options: [], unit: nil),
      certificates: [.init(lineage: "a.test", addresses: ["192.0.2.1:443"])])
    #expect(report.isWell)
    #expect(codes(try json(report)).isEmpty)
    report.fault = Finding(.error, .configurationRefused, "nginx -t failed: no", hint: "mend it")
    report.certificates[0].problem = "another certificate"
    #expect(!report.isWell)
    let told = try json(report)
    #expect(told["problem"].string == "nginx -t failed: no")
    #expect(told["certificates"].array[0]["problem"].string == "another certificate")
    #expect(codes(told) == ["configurationRefused", "notServed"])
    #expect(told["findings"].array[0]["hint"].string == "mend it")
    #expect(told["findings"].array[1]["subject"].string == "a.test")
    #expect(told["findings"].array[1]["message"].string == "not served: another certificate")
  }

  @Test func `a site report has a finding for each bad state`() throws {
    let codes = try SiteReport.State.allCases.map { state in
      let report = try json(
        SiteReport(
          name: "a", hosts: ["a.test"], target: "t", url: "u", certificate: "a.test", state: state,
          file: "/f", container: nil))
      #expect(report["state"].string == state.rawValue)
      return self.codes(report)
    }
    #expect(codes == [[], [], ["siteChanged"], ["siteFilesMissing"], ["siteUncertified"]])
  }

  @Test func `a persistent record report says where the record is missing`() throws {
    let report = try json(
      PersistentRecordReport(name: "_v.a.test", text: "t", zone: "a.test", missing: "ns1 lacks it"))
    #expect(report["isPresent"].bool == false && report["missing"].string == "ns1 lacks it")
    #expect(codes(report) == ["recordMissing"])
    let finding = report["findings"].array.first
    #expect(finding?["subject"].string == "_v.a.test")
    #expect(finding?["message"].string?.hasSuffix(": ns1 lacks it") == true)
    #expect(finding?["hint"].string?.isEmpty == false)
    let there = try json(
      PersistentRecordReport(name: "_v.a.test", text: "t", zone: "a.test", missing: ""))
    #expect(there["isPresent"].bool == true && there["missing"] == .null)
    #expect(codes(there).isEmpty)
  }

  @Test func `the findings page lists every code and no other`() throws {
    let path = Checkout.path("Documentation/Findings.md")
    let page = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
      .map { String($0.dropFirst(3).prefix { $0 != "`" }) }
    let keys = ["level", "code", "subject", "message", "hint"]
    #expect(rows.filter { !keys.contains($0) } == Finding.Code.allCases.map(\.rawValue))
  }
}
