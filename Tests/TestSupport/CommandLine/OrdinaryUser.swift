import Glibc

extension CommandLineBench {
  /// Runs `certctl` as an ordinary user, even if the tests run as root.
  package func asNobody(_ arguments: [String]) async throws -> ProgramResult {
    var program = binary.program(arguments)
    guard geteuid() == 0 else { return try await program.run() }
    // Others may not be able to read the build directory, so run a copy.
    chmod(folder.path, 0o755)
    let copy = folder.path("certctl")
    try await Program("cp", [program.executable, copy]).run().requireSuccess("cp")
    program.arguments =
      ["--reuid=65534", "--regid=65534", "--clear-groups", copy] + program.arguments
    program.executable = "setpriv"
    return try await program.run()
  }
}
