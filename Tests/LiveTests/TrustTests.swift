import Glibc
import TestSupport
import Testing

/// certctl as root with processes and files that another user controls.
@Suite(.timeLimit(.minutes(15)))
struct TrustTests {
  @Test(
    .requires(
      "nginx", "pebble", "pebble-challtestsrv", "openssl", "curl", "setpriv", "unshare", "perl",
      "python3", "su"),
    .enabled("only root has something to lose") {
      geteuid() == 0 || InstalledProgram.nothingMayBeSkipped
    })
  func `certctl runs, signals and reads nothing that another user controls`() async throws {
    let certctl = try CertctlBinary.locate()
    let result = try await Program(Checkout.path("Tests/trust.sh"), [certctl.path])
      .run(within: .seconds(400))
    print(result.standardOutput)
    if result.exitCode == 77, !InstalledProgram.nothingMayBeSkipped {
      try Test.cancel("\(result.standardOutput.tail(lines: 1))")
    }
    let faults = result.standardOutput.split(separator: "\n").filter { $0.contains(" FAIL ") }
    #expect(
      result.exitCode == 0,
      "\(faults.joined(separator: ", ")); \(result.standardError.tail(lines: 3))"
    )
  }
}
