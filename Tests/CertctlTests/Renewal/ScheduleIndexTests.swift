import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlIssuing
@testable import CertctlOperations
@testable import CertctlStore

/// The index is derived data: decisions stay correct if it is lost or damaged.
struct ScheduleIndexTests {
  private func withBench(_ body: (ContextBench) async throws -> Void) async throws {
    try await withTemporaryFolder(label: "index") { folder in
      let bench = try ContextBench(folder)
      for name in ["a.test", "b.test"] {
        _ = try await bench.context.issue(bench.request(name))
      }
      _ = try await bench.context.renew()
      // The second run writes the index; the first one queries the CA.
      _ = try await bench.context.renew()
      bench.ca.resetLog()
      try await body(bench)
    }
  }

  private let file = "state/cache/schedule.json"

  private func isQuiet(_ bench: ContextBench) async throws -> Bool {
    let report = try await bench.context.renew()
    return report.certificates.isEmpty && report.quiet == 2 && bench.ca.count() == 0
  }

  @Test func `a run without changes does not rewrite the index`() async throws {
    try await withBench { bench in
      let folder = bench.state.folder("cache")
      let before = try #require(try folder.stamps()["schedule.json"])
      #expect(try await isQuiet(bench))
      #expect(try folder.stamps()["schedule.json"] == before)
    }
  }

  @Test(arguments: ["", "{", #"{"version":2,"date":"2020-01-01T00:00:00Z","entries":{}}"#])
  func `a damaged, empty or incompatible index is recreated`(_ text: String) async throws {
    try await withBench { bench in
      let good = try #require(bench.folder.read(file))
      try bench.folder.write(file, text)
      #expect(try await isQuiet(bench))
      #expect(bench.folder.read(file) == good)
    }
  }

  @Test func `a missing index is recreated`() async throws {
    try await withBench { bench in
      try FileManager.default.removeItem(atPath: bench.folder.path(file))
      #expect(try await isQuiet(bench))
      #expect(bench.folder.read(file) != nil)
    }
  }

  @Test func `an index written with a clock ahead is ignored`() async throws {
    try await withBench { bench in
      let text = try #require(bench.folder.read(file))
      let index = try StateCoding.decoder().decode(ScheduleIndex.self, from: Data(text.utf8))
      var wrong = index
      wrong.date = bench.clock.now + 10 * 365 * 86400
      wrong.entries = index.entries.mapValues { entry in
        var entry = entry
        entry.look += 20 * 365 * 86400
        return entry
      }
      try await wrong.write(bench.state)
      bench.advance(days: 63)
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [.renewed, .renewed])
    }
  }

  @Test func `a lineage file edited by hand is read again`() async throws {
    try await withBench { bench in
      let path = "state/lineages/a.test.json"
      let text = try #require(bench.folder.read(path))
      let changed = text.replacing(
        #""keyType" : "ec256""#, with: #""keyType" : "ec384""#, maxReplacements: 1)
      try #require(changed != text)
      // Written in place, as some editors do.
      let handle = try #require(FileManager.default.contents(atPath: bench.folder.path(path)))
      #expect(handle.count == text.utf8.count)
      try Data(changed.utf8).write(to: URL(filePath: bench.folder.path(path)), options: [])
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.lineage) == ["a.test"])
      #expect(report.certificates.map(\.outcome) == [.renewed])
    }
  }

  @Test func `a deleted lineage is forgotten, and a new one is found`() async throws {
    try await withBench { bench in
      try await bench.context.delete(LineageName("a.test"))
      _ = try await bench.context.issue(bench.request("c.test"))
      _ = try await bench.context.renew()
      let report = try await bench.context.renew()
      #expect(report.quiet == 2)
      #expect(bench.folder.read(file)?.contains("a.test") == false)
    }
  }

  @Test func `the times in the index are not later than the decision's`() async throws {
    try await withBench { bench in
      let text = try #require(bench.folder.read(file))
      let index = try StateCoding.decoder().decode(ScheduleIndex.self, from: Data(text.utf8))
      for name in ["a.test", "b.test"] {
        let report = try await bench.context.show(LineageName(name))
        let due = try #require(report.renewAt)
        let entry = try #require(index.entries[name])
        #expect(Double(entry.look) <= due.timeIntervalSince1970)
        #expect(Double(entry.due) == due.timeIntervalSince1970)
      }
    }
  }
}
