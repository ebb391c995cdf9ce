import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Two concurrent runs of `certctl renew` for the same twenty certificates.
///
/// All certificates are due because they are revoked. Each run places one order at a time,
/// because Debian's Pebble can lock up under concurrent orders.
@Suite(
  .timeLimit(.minutes(30)), .requires("pebble", "pebble-challtestsrv", "nginx", "openssl", "curl"))
struct RenewProcessesTests {
  /// The number of certificates.
  private static let count = 20
  private static let names = (1...count).map { "n\($0 < 10 ? "0" : "")\($0).example.com" }
  /// The arguments for a run with progress output; the default arguments print a JSON report.
  private static let talking = ["renew", "--jobs", "1", "--verbose"]

  // MARK: - Through a webroot

  @Test func `a certificate that another run is renewing is skipped, and the rest is renewed`()
    async throws
  {
    try await CrashLab.run { lab in
      let fleet = try await Self.dueFleet("one stopped", in: lab)
      let first = try await Self.renew(fleet, Self.talking) { first in
        try await first.waitForOutput("waiting for the CA to validate")
        first.send(SIGSTOP)
        let second = try await Self.renew(fleet)
        #expect(second.exitCode == 75, "\(second)")
        let outcomes = try Self.outcomes(second)
        #expect(outcomes.count { $0.value["outcome"].string == "renewed" } == Self.count - 1)
        let left = outcomes.values.filter { $0["outcome"].string == "locked" }
        #expect(left.count == 1, "\(second)")
        // The reason names the other process.
        let reason = left.first?["reason"].string ?? ""
        #expect(reason.contains("process \(first.pid) ("), "\(second)")
        #expect(reason.contains("certctl renew --jobs 1"), "\(second)")
        #expect(left.first?["error"]["code"].string == "locked")
        first.send(SIGCONT)
      }
      #expect(first.exitCode == 0, "\(first)")
      #expect(first.standardOutput.ranges(of: ": renewed: ").count == 1, "\(first)")
      #expect(fleet.ledger().orders == Self.count)
      Self.expectRenewedOnce(fleet)
    }
  }

  @Test func `two concurrent runs renew each certificate once`() async throws {
    try await CrashLab.run { lab in
      let fleet = try await Self.dueFleet("two at once", in: lab)
      let (one, other) = try await Self.twoAtOnce(fleet)
      for result in [one, other] { try Self.expectDoneOrLocked(result) }
      #expect(fleet.ledger().orders == Self.count)
      Self.expectRenewedOnce(fleet)
    }
  }

  @Test func `if one of two runs is killed at a write step, each certificate is issued once`()
    async throws
  {
    try await CrashLab.run { lab in
      // Steps within the first to the fifth certificate of the run.
      for step in [40, 85, 140, 200, 260] {
        let fleet = try await Self.dueFleet("killed before step \(step)", in: lab)
        let (killed, other) = try await Self.twoAtOnce(
          fleet, environment: ["CERTCTL_FAULT_KILL": "\(step)"])
        #expect(killed.signal == SIGKILL, "\(fleet.label): \(killed)")
        try Self.expectDoneOrLocked(other)
        try await Self.expectNextRunFinishes(fleet)
      }
    }
  }

  @Test func `if one of two runs is killed during any action, each certificate is issued once`()
    async throws
  {
    try await CrashLab.run { lab in
      let words = [
        "ordering a certificate", "presenting", "waiting for the CA to validate",
        "generating a key", "downloading", "storing",
      ]
      for word in words {
        let fleet = try await Self.dueFleet("killed while \(word)", in: lab)
        let killed = try await Self.renew(fleet, Self.talking) { running in
          async let other = Self.renew(fleet)
          // Not at the first certificate, so that both runs are working by then.
          try await poll("\"\(word)\" three times", every: .milliseconds(1)) {
            running.standardError.ranges(of: word).count >= 3
          }
          running.send(SIGKILL)
          try Self.expectDoneOrLocked(try await other)
        }
        #expect(killed.signal == SIGKILL, "\(fleet.label): \(killed)")
        try await Self.expectNextRunFinishes(fleet)
      }
    }
  }

  // MARK: - With listeners on one port

  @Test func `two runs that need one port issue each certificate once and name its holder`()
    async throws
  {
    try await LiveHost.run { host in
      for name in Self.names {
        try await host.issue(name).requireSuccess("issue")
        try await host.certctl.run(["revoke", name]).requireSuccess("revoke")
      }
      let start = host.pebble.logSize
      let runs = try await withThrowingTaskGroup(of: ProgramResult.self) { group in
        for _ in 1...2 {
          group.addTask { try await host.certctl.run(["renew", "--jobs", "1", "--json"]) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      for outcome in try runs.flatMap({ try Self.outcomes($0).values }) {
        let reason = outcome["reason"].string ?? ""
        switch outcome["outcome"].string {
        case "locked": #expect(reason.contains(/process \d+ \(.* renew --jobs 1 --json\)/))
        // The holder of the port is unknown once it has closed the port.
        case "failed":
          #expect(
            reason.contains(/(process \d+ \(.* renew.*\)|another process) (is listening|listens)/))
        default: break
        }
      }
      // After finding the port taken, a run delays the next attempt, except with --force.
      let left = Self.names.filter { host.entries("archive/\($0)") == ["0001"] }
      if !left.isEmpty {
        try await host.certctl.run(["renew", "--jobs", "1", "--force"] + left)
          .requireSuccess("renew")
      }
      #expect(CrashLedger(log: host.pebble.log(after: start)).serials.count == Self.count)
      for name in Self.names { #expect(host.entries("archive/\(name)") == ["0001", "0002"]) }
      #expect(host.entries("journal") == [] && host.entries("pending") == [])
    }
  }

  // MARK: - The fleet

  /// Returns a state directory with all certificates due, a copy of one made once per lab.
  private static func dueFleet(_ label: String, in lab: CrashLab) async throws -> CrashCase {
    try await lab.copiedCase(label, of: "fleet") { fleet in
      for name in names {
        try await fleet.certctl(
          ["issue", name, "--webroot", lab.webroot, "--agree-tos"] + lab.authority
        ).requireSuccess("issue")
        try await fleet.certctl(["revoke", name]).requireSuccess("revoke")
      }
    }
  }

  private static func renew(
    _ fleet: CrashCase, _ arguments: [String] = ["renew", "--jobs", "1", "--json"],
    environment: [String: String?] = [:],
    whileRunning: (RunningProgram) async throws -> Void = { _ in }
  ) async throws -> ProgramResult {
    var binary = fleet.lab.binary
    binary.environment["CERTCTL_STATE_DIR"] = fleet.state
    return try await binary.run(
      arguments, environment: environment, within: .seconds(120), whileRunning: whileRunning)
  }

  private static func twoAtOnce(
    _ fleet: CrashCase, environment: [String: String?] = [:]
  ) async throws -> (ProgramResult, ProgramResult) {
    async let one = renew(fleet, environment: environment)
    async let other = renew(fleet)
    return (try await one, try await other)
  }

  /// Returns a run's report on each lineage.
  private static func outcomes(_ result: ProgramResult) throws -> [String: JSONValue] {
    let list = try json(result)["certificates"].array
    return Dictionary(list.map { ($0["lineage"].string ?? "", $0) }) { $1 }
  }

  // MARK: - Expectations

  /// Expects a run to have renewed or skipped each certificate, with code 75 if any was locked.
  private static func expectDoneOrLocked(_ result: ProgramResult) throws {
    let outcomes = try outcomes(result)
    let words = Set(outcomes.values.map { $0["outcome"].string ?? "" })
    #expect(words.isSubset(of: ["renewed", "unchanged", "locked"]), "\(result)")
    #expect(result.exitCode == (words.contains("locked") ? 75 : 0), "\(result)")
  }

  /// Expects the run after a crash to finish the work without help.
  private static func expectNextRunFinishes(_ fleet: CrashCase) async throws {
    let next = try await renew(fleet)
    #expect(next.exitCode == 0, "\(fleet.label): \(next)")
    // At most one order is known to the CA but not recorded by certctl; it expires.
    #expect((count...count + 1).contains(fleet.ledger().orders), fleet.comment)
    expectRenewedOnce(fleet)
  }

  /// Expects one issued certificate per lineage, all in use, and nothing left behind.
  private static func expectRenewedOnce(_ fleet: CrashCase) {
    #expect(fleet.ledger().serials.count == count, fleet.comment)
    let state = TemporaryFolder(existing: fleet.state)
    for name in names {
      #expect(state.linkTarget("live/\(name)") == "../archive/\(name)/0002", fleet.comment)
      let generations = entries("\(fleet.state)/archive/\(name)")
      #expect(generations == ["0001", "0002"], "\(fleet.label): \(name)")
    }
    for folder in ["journal", "pending"] {
      #expect(entries("\(fleet.state)/\(folder)") == [], "\(fleet.label): \(folder)")
    }
    let left = TemporaryFolder(existing: fleet.lab.webroot).contents()
    #expect(left.allSatisfy { !$0.contains("acme-challenge/") }, "\(fleet.label): \(left)")
  }

  private static func entries(_ path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}
