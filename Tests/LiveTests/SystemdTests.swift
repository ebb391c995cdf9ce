import FoundationEssentials
import TestSupport
import Testing

extension Tag {
  /// Tests that need systemd's tools.
  @Tag static var systemd: Self
}

/// The shipped units, checked with `systemd-analyze`.
@Suite(.timeLimit(.minutes(15)), .tags(.systemd))
struct SystemdTests {
  private static let services = [
    "certctl-renew.service", "certctl-renew@.service", "certctl-failure@.service",
  ]

  /// The folder of the shipped units.
  private static let shipped = Checkout.path("systemd")

  /// Runs `body` with the units as `make install` writes them and a stub of certctl.
  private func withUnits(_ body: (TemporaryFolder) async throws -> Void) async throws {
    try await withTemporaryFolder(label: "units") { folder in
      let program = try folder.write("bin/certctl", "#!/bin/sh\n")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
      for name in try FileManager.default.contentsOfDirectory(atPath: Self.shipped) {
        let text = try #require(readText("\(Self.shipped)/\(name)"))
        try folder.write(name, text.replacing("@BINDIR@", with: folder.path("bin")))
      }
      try await body(folder)
    }
  }

  private func analyze(
    _ folder: TemporaryFolder, _ arguments: String...
  ) async throws -> ProgramResult {
    // The trailing colon appends systemd's default search path.
    try await Program(
      "systemd-analyze", arguments, environment: ["SYSTEMD_UNIT_PATH": "\(folder.path):"],
      workingDirectory: folder.path
    ).run()
  }

  @Test(.requires("systemd-analyze")) func `the units have no errors`() async throws {
    try await withUnits { folder in
      let result = try await analyze(
        folder, "verify", "--recursive-errors=yes", "--man=no", "certctl-renew.service",
        "certctl-renew.timer", "certctl-renew@root.service", "certctl-renew@root.timer",
        "certctl-failure@certctl-renew.service.service")
      #expect(result.exitCode == 0, "\(result)")
      #expect(result.standardError == "")
    }
  }

  @Test(.requires("systemd-analyze")) func `an unknown setting is reported`() async throws {
    try await withUnits { folder in
      let unit = try #require(folder.read("certctl-renew.service"))
      try folder.write("certctl-renew.service", unit + "ProtectEverything=yes\n")
      let result = try await analyze(
        folder, "verify", "--recursive-errors=yes", "--man=no", "certctl-renew.service")
      #expect(result.exitCode != 0)
    }
  }

  @Test(.requires("systemd-analyze"), arguments: services)
  func `the sandbox leaves an exposure level of at most 2.0`(_ unit: String) async throws {
    try await withUnits { folder in
      let result = try await analyze(
        folder, "security", "--offline=yes", "--threshold=20", folder.path(unit))
      #expect(result.exitCode == 0, "\(result.standardOutput.tail(lines: 2))")
      #expect(result.standardOutput.contains("Overall exposure level"))
    }
  }

  @Test(.requires("systemd-analyze"), arguments: ["certctl-renew.timer", "certctl-renew@.timer"])
  func `the timers run twice a day`(_ unit: String) async throws {
    try await withUnits { folder in
      let lines = try #require(folder.read(unit)).split(separator: "\n").map(String.init)
      #expect(lines.contains("Persistent=true"))
      let times = lines.filter { $0.hasPrefix("OnCalendar=") }
      try #require(times.count == 1)
      let calendar = String(times[0].dropFirst("OnCalendar=".count))
      let result = try await analyze(
        folder, "calendar", "--iterations=4", "--base-time=2027-01-01 00:00:01 UTC", calendar)
      #expect(result.exitCode == 0, "\(result)")
      let found = result.standardOutput.split(separator: "\n").filter { $0.contains("2027-01-") }
      // Four in two days, whatever the machine's time zone.
      #expect(found.count >= 4 && !result.standardOutput.contains("2027-01-04"), "\(result)")
    }
  }
}
