import Glibc

/// A clock set forward for a program: its time of day, not its waits.
package enum ShiftedClock {
  /// The preloaded library, compiled once per test run.
  private static let library = Task<String, any Error> {
    let path = "/tmp/certctl-test-clock-\(getpid()).so"
    try await Program(
      "cc", ["-shared", "-fPIC", "-O1", "-o", path, Checkout.path("Fixtures/clock/shift.c")]
    )
    .run().requireSuccess("cc")
    atexit { unlink("/tmp/certctl-test-clock-\(getpid()).so") }
    return path
  }

  /// Returns the program with its clock set forward.
  ///
  /// - Throws: `HarnessError` if the library does not compile.
  package static func set(forward duration: Duration, for program: Program) async throws -> Program
  {
    var program = program
    program.environment["LD_PRELOAD"] = try await library.value
    program.environment["CLOCK_SHIFT_SECONDS"] = "\(duration.components.seconds)"
    return program
  }
}
