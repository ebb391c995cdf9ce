import Glibc
import TestSupport
import Testing

extension CrashTests {
  /// A state directory that the user cannot write, or not even read.
  @Suite(.timeLimit(.minutes(30)), .requires("setpriv"))
  struct CrashPermissionTests {
    /// The options for an unreachable CA: certctl must check the state directory first.
    private let authority = ["--ca", "https://127.0.0.1:1/dir", "--agree-tos"]

    @Test(arguments: [["issue", "example.com"], ["account", "register"]])
    func `an unprivileged user gets a hint about root's state directory`(
      _ command: [String]
    ) async throws {
      try await withStateDirectory(mode: 0o711) { state, binary in
        let result = try await asOrdinaryUser(binary, command + authority)
        expectRefusal(result, state)
      }
    }

    @Test func `a state directory that cannot be created is refused the same way`() async throws {
      try await withStateDirectory(mode: 0o755) { state, binary in
        var binary = binary
        binary.environment["CERTCTL_STATE_DIR"] = "\(state)/deeper/still"
        let result = try await asOrdinaryUser(binary, ["issue", "example.com"] + authority)
        expectRefusal(result, state)
        // It does not exist yet, so `list` may report no certificates.
        let list = try await asOrdinaryUser(binary, ["list"])
        #expect(list.exitCode == 0, "\(list)")
      }
    }

    @Test(arguments: [["list"], ["show", "example.com"], ["delete", "example.com"]])
    func `an unreadable state directory is not reported as empty`(_ command: [String]) async throws
    {
      try await withStateDirectory(mode: 0o711) { state, binary in
        expectRefusal(try await asOrdinaryUser(binary, command), state)
      }
    }

    @Test func `an error in JSON includes the hint`() async throws {
      try await withStateDirectory(mode: 0o711) { state, binary in
        let result = try await asOrdinaryUser(binary, ["list", "--json"])
        let error = JSONValue(Array(result.standardOutput.utf8))?["error"] ?? .null
        #expect(error["code"] == "permissionDenied", "\(result)")
        #expect(error["message"].string?.contains(state) == true, "\(result)")
        #expect(error["hint"].string?.contains("--state-dir") == true, "\(result)")
      }
    }

    private func expectRefusal(_ result: ProgramResult, _ state: String) {
      #expect(result.exitCode == 1, "\(result)")
      #expect(
        result.standardError.contains(state) && result.standardError.contains("permission denied"),
        "\(result)")
      #expect(
        result.standardError.contains("as root") && result.standardError.contains("--state-dir"),
        "\(result)")
    }

    /// Creates a state directory with a lineage, owned by root or closed to its owner.
    private func withStateDirectory(
      mode: mode_t, _ body: (String, CertctlBinary) async throws -> Void
    ) async throws {
      try await withTemporaryFolder(label: "permission") { folder in
        let state = try folder.makeFolder("state")
        for name in ["lineages", "live", "cache/locks", "accounts", "archive"] {
          try folder.makeFolder("state/\(name)")
        }
        try folder.write("state/lineages/example.com.json", "{}")
        let closed = geteuid() == 0 ? mode_t(0o700) : 0
        for name in ["lineages", "accounts", "cache"] { chmod("\(state)/\(name)", closed) }
        for name in ["live", "archive"] { chmod("\(state)/\(name)", 0o711) }
        chmod(state, geteuid() == 0 ? mode : mode & 0o555)
        chmod(folder.path, 0o755)
        defer {
          for name in ["", "lineages", "accounts", "cache"] { chmod("\(state)/\(name)", 0o700) }
        }
        try await body(state, try CertctlBinary.locate(stateIn: folder))
      }
    }

    /// Runs certctl as nobody when the tests run as root.
    private func asOrdinaryUser(
      _ binary: CertctlBinary, _ arguments: [String]
    ) async throws -> ProgramResult {
      var program = binary.program(arguments)
      guard geteuid() == 0 else { return try await program.run() }
      let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"]
      // The build may be in a folder that only root can enter.
      let probe = try await Program("setpriv", nobody + ["test", "-x", binary.path]).run()
      guard probe.exitCode == 0 else {
        throw HarnessError(
          "nobody may not run \(binary.path): build in a folder that all may enter")
      }
      program.arguments = nobody + [program.executable] + program.arguments
      program.executable = "setpriv"
      return try await program.run()
    }
  }
}
