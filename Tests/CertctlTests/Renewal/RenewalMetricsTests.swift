import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlOperations
@testable import CertctlStore

/// The contents of the metrics file for Prometheus.
struct RenewalMetricsTests {
  private let now = Date(timeIntervalSince1970: 1_780_315_200)

  private var run: RenewalMetrics.Run {
    .init(ended: now, duration: 12.25, succeeded: true)
  }

  private var full: LineageReport {
    var report = LineageReport(name: "example.com", state: .valid, names: ["example.com"])
    report.directoryURL = "https://ca.test/dir"
    report.issuer = "Issuing \"CA\" \\ 1\r\n# TYPE evil gauge"
    report.serial = "0123"
    report.sha256 = "abcd"
    report.notBefore = now.addingTimeInterval(-100)
    report.notAfter = now.addingTimeInterval(200)
    report.renewAt = now.addingTimeInterval(100)
    report.obtained = now.addingTimeInterval(-90)
    report.suggestion = .init(
      start: now.addingTimeInterval(90), end: now.addingTimeInterval(110),
      instant: now.addingTimeInterval(100))
    report.failures = 3
    report.lastFailure = .init(date: now.addingTimeInterval(-5), message: "words")
    report.deployment = .failed
    return report
  }

  private func metrics(_ reports: [LineageReport], stateDirectory: String? = nil) -> RenewalMetrics
  {
    RenewalMetrics(reports: reports, run: run, version: "1.2.3", stateDirectory: stateDirectory)
  }

  private func parsed(_ reports: [LineageReport]) throws -> ExpositionParser {
    try ExpositionParser(metrics(reports).text())
  }

  @Test func `every property of a lineage has a sample`() throws {
    let metrics = try parsed([full])
    let instants = [
      "certificate_not_before": -100.0, "certificate_not_after": 200, "renewal": 100,
      "renewal_window_start": 90, "renewal_window_end": 110, "renewal_last_success": -90,
      "renewal_last_failure": -5,
    ]
    for (name, offset) in instants {
      #expect(
        metrics.value("certctl_\(name)_timestamp_seconds", ["lineage": "example.com"])
          == now.timeIntervalSince1970 + offset, "\(name)")
    }
    #expect(metrics.value("certctl_renewal_consecutive_failures") == 3)
    #expect(metrics.value("certctl_deployment_state", ["state": "failed"]) == 1)
    #expect(metrics.value("certctl_deployment_state", ["state": "deployed"]) == 0)
    #expect(metrics.value("certctl_lineage_state", ["state": "valid"]) == 1)
    #expect(metrics.value("certctl_lineage_state", ["state": "expired"]) == 0)
    let info = try #require(metrics.samples.first { $0.name == "certctl_certificate_info" })
    #expect(info.value == 1)
    #expect(
      info.labels == [
        "lineage": "example.com", "authority": "https://ca.test/dir", "serial": "0123",
        "sha256": "abcd", "issuer": "Issuing \"CA\" \\ 1\r\n# TYPE evil gauge",
      ])
  }

  @Test func `the run has its own samples`() throws {
    let damaged = LineageReport(name: "b", state: .damaged, names: [])
    let metrics = try parsed([full, damaged, LineageReport(name: "c", state: .damaged, names: [])])
    #expect(metrics.value("certctl_build_info", ["version": "1.2.3"]) == 1)
    #expect(
      metrics.value("certctl_renew_last_run_timestamp_seconds") == now.timeIntervalSince1970)
    #expect(metrics.value("certctl_renew_last_run_duration_seconds") == 12.25)
    #expect(metrics.value("certctl_renew_last_run_success") == 1)
    for state in LineageReport.State.allCases {
      let count = state == .valid ? 1.0 : state == .damaged ? 2 : 0
      #expect(metrics.value("certctl_lineages", ["state": state.rawValue]) == count)
    }
    var failed = self.metrics([])
    failed.run.succeeded = false
    #expect(
      try ExpositionParser(failed.text()).value("certctl_renew_last_run_success") == 0)
  }

  @Test func `unknown values have no sample`() throws {
    let metrics = try parsed([LineageReport(name: "new", state: .missing, names: ["new"])])
    let about = metrics.samples.filter { $0.labels["lineage"] == "new" }
    #expect(
      Set(about.map(\.name)) == ["certctl_lineage_state", "certctl_renewal_consecutive_failures"])
    #expect(metrics.value("certctl_renewal_consecutive_failures") == 0)
    #expect(!self.metrics([]).text().contains("certctl_certificate"))
  }

  @Test func `metric names follow the conventions of exporters`() throws {
    let metrics = try parsed([full])
    let ends = ["_timestamp_seconds", "_duration_seconds", "_info", "_state", "_success"]
    let counts = ["certctl_lineages", "certctl_renewal_consecutive_failures"]
    for name in Set(metrics.samples.map(\.name)) {
      #expect(name.hasPrefix("certctl_"))
      #expect(ends.contains { name.hasSuffix($0) } || counts.contains(name), "\(name)")
      #expect(metrics.types[name] == "gauge")
      #expect(metrics.help[name]?.hasSuffix(".") == true, "\(name)")
    }
  }

  @Test(arguments: [
    "plain", "\"", "\\", "\\n", "\n", "\r\n", "a\"}\nevil 1\n", "bücher 例え", "\u{0}", "{}=,",
  ])
  func `any lineage name is escaped correctly`(_ name: String) throws {
    let report = LineageReport(name: name, state: .valid, names: [])
    let metrics = try parsed([report])
    #expect(metrics.value("certctl_lineage_state", ["lineage": name, "state": "valid"]) == 1)
  }

  @Test(arguments: [
    (0.0, "0"), (-1, "-1"), (1_780_315_200, "1780315200"), (0.5, "0.5"), (.nan, "NaN"),
    (.infinity, "+Inf"), (-.infinity, "-Inf"), (1e300, "1e+300"),
  ])
  func `numbers are written in Go's format`(_ number: Double, _ text: String) {
    #expect(MetricFamily.number(number) == text)
  }

  @Test func `two state directories share no series`() throws {
    let both = [nil, "/home/alice/certctl"].map { directory in
      metrics([full], stateDirectory: directory).text()
    }
    let all = try both.map { try ExpositionParser($0).samples }
    #expect(all[0].count == all[1].count)
    #expect(all[1].allSatisfy { $0.labels["state_directory"] == "/home/alice/certctl" })
    // The help must match: node_exporter complains about different texts.
    #expect(try ExpositionParser(both[0]).help == ExpositionParser(both[1]).help)
  }

  /// Runs Prometheus's own checkers where they are installed.
  @Test func `promtool and the client library accept the file`() async throws {
    let text = metrics([full, LineageReport(name: "b", state: .missing, names: [])]).text()
    if let promtool = InstalledProgram.find("promtool") {
      let check = try await Program(promtool, ["check", "metrics"]).run(input: text)
      #expect(check.exitCode == 0 && check.standardError == "", "\(check)")
    }
    guard let python = InstalledProgram.find("python3") else { return }
    let script = """
      import sys
      try:
          from prometheus_client.parser import text_string_to_metric_families as families
      except ImportError:
          sys.exit(0)
      text = sys.stdin.read()
      print(sum(len(family.samples) for family in families(text)))
      """
    let check = try await Program(python, ["-c", script]).run(input: text)
    let count = try ExpositionParser(text).samples.count
    #expect(check.exitCode == 0)
    #expect(["", "\(count)\n"].contains(check.standardOutput), "\(check)")
  }
}

/// The writing of the metrics file.
struct RenewalMetricsFileTests {
  private func metrics(_ names: String...) -> RenewalMetrics {
    RenewalMetrics(
      reports: names.map { LineageReport(name: $0, state: .valid, names: []) },
      run: .init(ended: Date(timeIntervalSince1970: 0), duration: 1, succeeded: true),
      version: "1.2.3")
  }

  private func error(_ path: String) async -> CertctlError? {
    do throws(CertctlError) {
      try await metrics("a").write(to: path)
      return nil
    } catch {
      return error
    }
  }

  @Test func `the file is replaced atomically and is readable by everyone`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.path("certctl.prom")
      try await metrics("a", "gone").write(to: path)
      #expect(folder.read("certctl.prom")?.contains("\"gone\"") == true)
      let old = try #require(open(path, O_RDONLY) as Int32?)
      defer { close(old) }
      try await metrics("a").write(to: path)
      #expect(folder.read("certctl.prom") == metrics("a").text())
      var status = stat()
      #expect(stat(path, &status) == 0)
      #expect(status.st_mode & 0o7777 == 0o644)
      // A reader that has the old file open still sees all of it.
      #expect(fstat(old, &status) == 0)
      #expect(Int(status.st_size) == metrics("a", "gone").text().utf8.count)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["certctl.prom"])
    }
  }

  @Test(arguments: [
    ("certctl.prom", "not an absolute"), ("", "not an absolute"), ("/tmp/", "not an absolute"),
    ("/tmp/..", "not an absolute"), ("FOLDER/not/there.prom", "does not exist"),
    ("FOLDER/file/there.prom", "does not exist"), ("FOLDER", "it is a directory"),
    ("FOLDER/\(String(repeating: "n", count: 300))", "plain file name"),
  ])
  func `an invalid path is a configuration error`(
    _ path: String, _ words: String
  ) async throws {
    try await withTemporaryFolder { folder in
      try folder.write("file", "")
      let path = path.hasPrefix("FOLDER") ? folder.path + path.dropFirst(6) : path
      let error = try #require(await error(path))
      #expect(error.code == .configuration)
      #expect(error.exitCode == 78)
      #expect(error.message.contains(words), "\(error.message)")
      if words != "plain file name" { #expect(error.hint != nil) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
    }
  }

  @Test func `an unwritable folder is a configuration error with a hint`() async throws {
    // Even root cannot create a file there.
    let error = try #require(await error("/sys/certctl.prom"))
    #expect(error.code == .configuration)
    #expect(error.message.hasPrefix("cannot write the metrics file /sys/certctl.prom: "))
    expectText(error.hint, mentions: "ReadWritePaths=")
  }

  @Test func `node_exporter does not read temporary files`() async throws {
    try await withTemporaryFolder { folder in
      // A run that is killed between its two steps leaves this file.
      try folder.write("certctl.prom~", "half")
      try await metrics("a").write(to: folder.path("certctl.prom"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["certctl.prom"])
      #expect(RenewalMetrics.isCollected("/a/certctl.prom"))
      #expect(!RenewalMetrics.isCollected("/a/certctl.prom~"))
      #expect(!RenewalMetrics.isCollected("/a/certctl.txt"))
    }
  }

  @Test func `concurrent runs leave one complete file`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.path("certctl.prom")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 { group.addTask { try await metrics("a").write(to: path) } }
        try await group.waitForAll()
      }
      #expect(folder.read("certctl.prom") == metrics("a").text())
    }
  }
}
