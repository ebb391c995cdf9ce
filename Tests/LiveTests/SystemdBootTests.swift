import Glibc
import TestSupport
import Testing

/// certctl's units in a real systemd, which `Tests/systemd.sh` boots for it.
@Suite(.timeLimit(.minutes(6)), .tags(.systemd))
struct SystemdBootTests {
  private static var script: String {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(2).joined(separator: "/") + "/systemd.sh"
  }

  @Test(
    .requires(
      "systemd-nspawn", "nginx", "pebble", "pebble-challtestsrv", "openssl", "curl", "make"),
    .enabled("only root can boot a system") { geteuid() == 0 })
  func `the timer renews and nginx reloads, and what fails raises an alarm`() async throws {
    let certctl = try CertctlBinary.locate()
    let result = try await Program(Self.script, [certctl.path]).run(within: .seconds(300))
    print(result.standardOutput)
    if result.exitCode == 77 {
      // The machine is not able to, whatever is installed on it: its kernel, or the container's.
      try Test.cancel("\(result.standardOutput.tail(lines: 1))")
    }
    #expect(result.exitCode == 0, "see what the script printed; \(result.standardError)")
  }
}
