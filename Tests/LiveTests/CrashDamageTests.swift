import Glibc
import TestSupport
import Testing

extension CrashTests {
  /// Damaged files in the state directory.
  ///
  /// certctl names them, never overwrites them, and still handles all other certificates.
  @Suite(
    .timeLimit(.minutes(30)), .requires("pebble", "pebble-challtestsrv", "nginx", "openssl", "curl")
  )
  struct CrashDamageTests {
    /// The content that replaces a file's text.
    enum Damage: String, CaseIterable {
      case truncated, empty, garbage, newer, other

      func apply(to text: String) -> String {
        switch self {
        case .truncated: String(text.prefix(text.count / 2))
        case .empty: ""
        case .garbage: "\u{0}\u{1}not JSON at all"
        case .newer: #"{"version": 99, "news": true}"#
        case .other: #"{"version": 1, "url": 7}"#
        }
      }
    }

    @Test func `a damaged JSON file is named and left unchanged`() async throws {
      try await CrashLab.run { lab in
        let files: [(String, [String])] = [
          ("lineages/example.com.json", lab.issue), ("account.json", lab.issue + ["--force"]),
          ("account.json", ["account", "rollover"] + lab.authority),
          ("pending/example.com/order.json", lab.issue),
          ("journal/example.com.json", lab.issue),
          ("journal/example.com.json", ["delete", CrashLab.name]),
        ]
        for (file, command) in files {
          for damage in Damage.allCases {
            let label = "\(file) \(damage), \(command[0])"
            let run = try await interrupted(label, in: lab)
            let path = try #require(run.contents.first { $0.hasSuffix(file) }, "\(label)")
            let text = damage.apply(to: run.read(path) ?? "")
            try TemporaryFolder(existing: run.state).write(path, text)
            let before = run.ledger().orders
            let result = try await run.certctl(command)
            #expect(result.exitCode == 1, "\(label): \(result)")
            #expect(
              result.standardError.contains("\(run.state)/\(path)")
                && result.standardError.contains("certctl: hint: "), "\(label): \(result)")
            #expect(run.read(path) == text, "\(label): the file was changed")
            #expect(run.ledger().orders == before, "\(label): an order was placed")
            #expect(run.accounts.count <= 1, "\(label): another account was made")
          }
        }
      }
    }

    @Test func `a damaged cache is replaced without an error`() async throws {
      try await CrashLab.run { lab in
        for damage in Damage.allCases {
          let run = try await intact("cache \(damage)", in: lab)
          let path = try #require(run.contents.first { $0.hasPrefix("cache/directories/") })
          let text = damage.apply(to: run.read(path) ?? "")
          try TemporaryFolder(existing: run.state).write(path, text)
          try await run.certctl(lab.issue + ["--force"]).requireSuccess(run.label)
          #expect(run.read(path) != text, "\(run.label): it was not renewed")
        }
      }
    }

    @Test func `list reports a damaged lineage and still shows the others`() async throws {
      try await CrashLab.run { lab in
        for damage in Damage.allCases {
          let run = try await intact("list, \(damage)", in: lab)
          let folder = TemporaryFolder(existing: run.state)
          let text = damage.apply(to: run.read("lineages/example.com.json") ?? "")
          try folder.write("lineages/other.example.json", text)
          // Not lineage files: ignored.
          try folder.write("lineages/-x.json", "{}")
          try folder.write("lineages/notes.txt", "")
          let result = try await run.certctl(["list", "--json"])
          #expect(result.exitCode == 0, "\(run.label): \(result)")
          let report = JSONValue(Array(result.standardOutput.utf8)) ?? .null
          let lineages = report["certificates"].array
          #expect(
            lineages.map { $0["name"].string } == ["example.com", "other.example"], "\(run.label)")
          #expect(lineages.map { $0["state"] } == ["valid", "damaged"], "\(run.label)")
          #expect(
            lineages.last?["problem"].string?.contains("lineages/other.example.json") == true,
            "\(run.label): \(result)")
          #expect(run.read("lineages/other.example.json") == text, "\(run.label)")
        }
      }
    }

    @Test func `a damaged PEM file is named with a hint that works`() async throws {
      try await CrashLab.run { lab in
        for file in ["fullchain.pem", "privkey.pem"] {
          for text in [nil, "", "garbage", "-----BEGIN CERTIFICATE-----\nMII\n"] as [String?] {
            let run = try await intact("\(file) is \(text ?? "missing")", in: lab)
            let folder = TemporaryFolder(existing: run.state)
            let path = "archive/example.com/0001/\(file)"
            folder.remove(path)
            if let text { try folder.write(path, text) }
            let result = try await run.certctl(lab.issue)
            #expect(result.exitCode == 1, "\(run.label): \(result)")
            #expect(
              result.standardError.contains("\(run.state)/\(path)")
                && result.standardError.contains("certctl: hint: "), "\(run.label): \(result)")
            #expect(run.read(path) == text, "\(run.label): it was changed")
            // The remedy in the hint.
            try await run.certctl(lab.issue + ["--force"]).requireSuccess(run.label)
            #expect(run.liveTarget == "../archive/example.com/0002", "\(run.label)")
            try run.expectLivePairOrNone()
            #expect(run.read(path) == text, "\(run.label): it was changed")
          }
        }
      }
    }

    @Test func `a damaged account key does not cause a second account`() async throws {
      try await CrashLab.run { lab in
        for text in [nil, "", "garbage"] as [String?] {
          let run = try await intact("key.pem is \(text ?? "missing")", in: lab)
          let folder = TemporaryFolder(existing: run.state)
          let path = try #require(run.contents.first { $0.hasSuffix("/key.pem") })
          folder.remove(path)
          if let text { try folder.write(path, text) }
          let result = try await run.certctl(lab.issue + ["--force"])
          #expect(result.exitCode == 1, "\(run.label): \(result)")
          #expect(
            result.standardError.contains(String(path.dropLast("/key.pem".count)))
              && result.standardError.contains("certctl: hint: "), "\(run.label): \(result)")
          #expect(run.read(path) == text && run.ledger().accounts == 0, "\(run.label)")
        }
      }
    }

    /// Returns a case that has a lineage with one generation.
    private func intact(_ label: String, in lab: CrashLab) async throws -> CrashCase {
      try await lab.copiedCase(label, of: "intact") {
        try await $0.certctl(lab.issue).requireSuccess("issue")
      }
    }

    /// Returns a case that has a pending order and the journal of a presented challenge.
    private func interrupted(_ label: String, in lab: CrashLab) async throws -> CrashCase {
      try await lab.copiedCase(label, of: "interrupted") { run in
        let trace = "\(run.folder).trace"
        let other = try lab.freshCase("other")
        try await other.certctl(lab.issue, environment: ["CERTCTL_FAULT_TRACE": trace])
          .requireSuccess("issue")
        let steps = CrashSteps(trace: readText(trace) ?? "")
        let number = try steps.number(of: "unlink journal/example.com.json")
        _ = try await run.certctl(
          lab.issue, environment: ["CERTCTL_FAULT_KILL": "\(number)"])
      }
    }
  }
}
