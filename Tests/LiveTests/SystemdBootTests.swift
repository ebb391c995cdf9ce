import Glibc
import TestSupport
import Testing

/// certctl's units in a real systemd that `Tests/systemd.sh` boots.
@Suite(.timeLimit(.minutes(15)), .tags(.systemd), .serialized)
struct SystemdBootTests {
  @Test(
    .requires(
      "systemd-nspawn", "nginx", "pebble", "pebble-challtestsrv", "openssl", "curl", "make"),
    .needsRoot("an ordinary user cannot boot a system"))
  func `the timer renews, nginx reloads, and failures raise an alarm`() async throws {
    try await boot()
  }

  @Test(
    .requires(
      "systemd-nspawn", "nginx", "pebble", "pebble-challtestsrv", "openssl", "curl", "make",
      "python3"),
    .needsRoot("an ordinary user cannot boot a system"))
  func `a site is added, renewed in the sandbox, disabled and removed`() async throws {
    try await boot(Checkout.path("Tests/systemd-sites.sh"))
  }

  @Test(
    .requires(
      "systemd-nspawn", "nginx", "pebble", "pebble-challtestsrv", "openssl", "curl", "make"),
    .needsRoot("an ordinary user cannot boot a system"))
  func `the sandboxed service runs no program that another user calls nginx`() async throws {
    try await boot(Checkout.path("Tests/systemd-trust.sh"))
  }

  /// Boots a system and runs the given story, or the script's default one.
  private func boot(_ story: String...) async throws {
    let certctl = try CertctlBinary.locate()
    let result = try await Program(Checkout.path("Tests/systemd.sh"), [certctl.path] + story)
      .run(within: .seconds(400))
    print(result.standardOutput)
    if result.exitCode == 77 {
      // The kernel or the container does not allow it, whatever is installed.
      try Test.cancel("\(result.standardOutput.tail(lines: 1))")
    }
    let faults = result.standardOutput.split(separator: "\n").filter { $0.contains(" FAIL ") }
    let end = result.standardOutput.tail(lines: 3)
    #expect(
      result.exitCode == 0,
      "\(faults.joined(separator: ", ")); \(result.standardError.tail(lines: 3)); at last: \(end)")
  }
}
