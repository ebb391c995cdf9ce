import FoundationEssentials
import Glibc

/// The built `certctl` command.
package struct CertctlBinary: Sendable {
  package let path: String
  /// Arguments appended to every call, such as `--ca-bundle` and its file.
  package var commonArguments: [String] = []
  /// Changes to the environment of every call.
  package var environment: [String: String?] = [:]

  /// Returns the binary built together with the tests, which lies beside the test bundle.
  ///
  /// The environment variable `CERTCTL_BINARY` names another one, such as a release build.
  package static func locate() throws -> CertctlBinary {
    if let path = ProcessInfo.processInfo.environment["CERTCTL_BINARY"] {
      return try checked(path)
    }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard readlink("/proc/self/exe", &buffer, Int(PATH_MAX)) > 0 else {
      throw HarnessError("cannot read /proc/self/exe")
    }
    let bundle = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    let folder = bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    return try checked(folder.joined(separator: "/") + "/certctl")
  }

  /// Returns the binary with its state directory in `folder`, isolated from the machine.
  ///
  /// The environment has no proxies, no other `CERTCTL_` variables and a home that does not exist.
  package static func locate(stateIn folder: TemporaryFolder) throws -> CertctlBinary {
    var binary = try locate()
    let inherited = ProcessInfo.processInfo.environment.keys
    for name in inherited where name.hasPrefix("CERTCTL_") { binary.environment[name] = .some(nil) }
    for name in inherited where name.lowercased().hasSuffix("_proxy") {
      binary.environment[name] = .some(nil)
    }
    binary.environment["CERTCTL_STATE_DIR"] = folder.path("state")
    binary.environment["HOME"] = folder.path("home")
    return binary
  }

  /// Runs a command until it exits.
  ///
  /// `whileRunning` may read the output so far and send signals. The time limit starts when it
  /// returns.
  package func run(
    _ arguments: [String], environment changes: [String: String?] = [:],
    within limit: Duration = .seconds(60), input: String? = nil,
    whileRunning: (RunningProgram) async throws -> Void = { _ in }
  ) async throws -> ProgramResult {
    try await program(arguments, environment: changes)
      .run(within: limit, input: input, whileRunning: whileRunning)
  }

  /// Returns the call as a `Program`, for example to run it under strace or valgrind.
  package func program(
    _ arguments: [String], environment changes: [String: String?] = [:]
  ) -> Program {
    Program(
      path, arguments + commonArguments,
      environment: environment.merging(changes) { _, new in new })
  }

  private static func checked(_ path: String) throws -> CertctlBinary {
    guard access(path, X_OK) == 0 else {
      throw HarnessError("no certctl at \(path): build it, or set CERTCTL_BINARY")
    }
    return CertctlBinary(path: path)
  }
}
