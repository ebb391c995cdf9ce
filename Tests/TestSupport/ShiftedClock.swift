import Glibc

/// A program by a clock that is set forward: its time of day, not its waits.
package enum ShiftedClock {
  /// The library that does it, made once for each run of the tests.
  private static let library = Task<String, any Error> {
    let path = "/tmp/certctl-test-clock-\(getpid()).so"
    try await Program(
      "cc", ["-shared", "-fPIC", "-O1", "-o", path, Checkout.path("Fixtures/clock/shift.c")]
    )
    .run().requireSuccess("cc")
    atexit { unlink("/tmp/certctl-test-clock-\(getpid()).so") }
    return path
  }

  /// Adds the clock to a program.
  ///
  /// - Throws: `HarnessError` when the library cannot be made.
  package static func set(forward duration: Duration, for program: Program) async throws -> Program
  {
    var program = program
    program.environment["LD_PRELOAD"] = try await library.value
    program.environment["CLOCK_SHIFT_SECONDS"] = "\(duration.components.seconds)"
    return program
  }
}
