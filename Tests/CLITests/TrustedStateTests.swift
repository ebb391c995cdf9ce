import Glibc
import TestSupport
import Testing

/// root obeys no state directory and no configuration that another user can change.
@Suite(.needsRoot("an ordinary user cannot give files away"))
struct TrustedStateTests {
  private static let nobody: UInt32 = 65534

  private func withBench(_ body: (CommandLineBench) async throws -> Void) async throws {
    try await CommandLineBench.with { bench in
      chmod(bench.folder.path, 0o755)
      try await body(bench)
    }
  }

  /// What `list` with these arguments is refused with.
  private func refused(
    _ bench: CommandLineBench, _ arguments: String...
  ) async throws -> (message: String, hint: String) {
    // The hint holds the command as it was given, so that the text and the JSON differ.
    let result = try await bench.binary.run(["list"] + arguments + ["--json"])
    #expect(result.exitCode == 78, "\(result)")
    let error = try #require(JSONValue(Array(result.standardOutput.utf8)), "\(result)")["error"]
    #expect(error["code"].string == "configuration", "\(result)")
    return (error["message"].string ?? "", error["hint"].string ?? "")
  }

  @Test func `a state directory of another user is left to that user`() async throws {
    try await withBench { bench in
      let state = try bench.folder.makeFolder("home/state")
      chown(state, Self.nobody, Self.nobody)
      let (message, hint) = try await refused(bench, "--state-dir", state)
      #expect(message.contains("\(state) belongs to nobody (65534), not to root"))
      #expect(hint.hasPrefix("run: sudo -u nobody "))
      #expect(hint.contains(" list --state-dir \(state)"))
      chown(state, 0, 0)
      chown(bench.folder.path("home"), Self.nobody, Self.nobody)
      let above = try await refused(bench, "--state-dir", state)
      #expect(above.message.contains("home belongs to nobody"))
      #expect(above.hint.contains("sudo -u nobody"))
      // One that is not there yet, too: it would be made in the other user's folder.
      _ = try await refused(bench, "--state-dir", bench.folder.path("home/other/state"))
      #expect(!bench.folder.contains("home/other"))
    }
  }

  @Test(arguments: [0o770, 0o707] as [UInt32])
  func `a state directory that others can write is refused`(mode: UInt32) async throws {
    try await withBench { bench in
      let state = try bench.folder.makeFolder("state")
      chmod(state, mode)
      let (message, hint) = try await refused(bench)
      #expect(message.contains("can be written by"))
      #expect(hint == "run: chmod go-w \(state)")
      chmod(state, 0o711)
      #expect(try await bench.run("list").exitCode == 0)
    }
  }

  @Test func `a link to a state directory of another user is refused`() async throws {
    try await withBench { bench in
      let theirs = try bench.folder.makeFolder("theirs")
      chown(theirs, Self.nobody, Self.nobody)
      symlink(theirs, bench.folder.path("link"))
      _ = try await refused(bench, "--state-dir", bench.folder.path("link"))
    }
  }

  @Test func `a configuration of another user is refused, and one that others can write`()
    async throws
  {
    try await withBench { bench in
      let file = try bench.folder.write("etc/certctl.toml", "email = \"a@example.com\"\n")
      #expect(try await bench.run("list", "--config", file).exitCode == 0)
      chown(file, Self.nobody, Self.nobody)
      let foreign = try await refused(bench, "--config", file)
      #expect(foreign.message.contains("\(file) belongs to nobody (65534)"))
      #expect(foreign.hint == "run: chown root \(file)")
      chown(file, 0, 0)
      chmod(file, 0o664)
      #expect(try await refused(bench, "--config", file).hint == "run: chmod go-w \(file)")
      chmod(file, 0o644)
      chmod(bench.folder.path("etc"), 0o777)
      #expect(try await refused(bench, "--config", file).hint.contains("chmod go-w"))
      // What the caller's own shell hands over is the caller's word.
      let piped = try await bench.binary.program(["list", "--config", "/dev/stdin"])
        .run(input: "email = \"a@example.com\"\n")
      #expect(piped.exitCode == 0, "\(piped)")
      #expect(try await bench.run("list", "--config", "/dev/null").exitCode == 0)
    }
  }

  @Test func `a CA bundle that another user can change is refused`() async throws {
    try await withBench { bench in
      let file = try bench.folder.write("ca.pem", "-----BEGIN CERTIFICATE-----\n")
      chown(file, Self.nobody, Self.nobody)
      let (message, hint) = try await bench.fails(
        ["issue", "example.com", "--agree-tos", "--webroot", bench.folder.path]
          + ["--ca", "https://127.0.0.1:9/dir", "--ca-bundle", file], exit: 78, "configuration")
      #expect(message.contains("the CA bundle: \(file) belongs to nobody"))
      #expect(hint == "run: chown root \(file)")
    }
  }

  @Test(.requires("setpriv"))
  func `an ordinary user is held to their own files, too`() async throws {
    try await withBench { bench in
      let state = try bench.folder.makeFolder("state")
      chown(state, 4242, 4242)
      let foreign = try await bench.asNobody(["list", "--state-dir", state])
      #expect(foreign.exitCode == 78, "\(foreign)")
      #expect(foreign.standardError.contains("belongs to user 4242"))
      chown(state, Self.nobody, Self.nobody)
      chmod(state, 0o777)
      #expect(try await bench.asNobody(["list", "--state-dir", state]).exitCode == 78)
      // A group of one's own is nobody else.
      chmod(state, 0o770)
      let own = try await bench.asNobody(["list", "--state-dir", state])
      #expect(own.exitCode == 0, "\(own)")
    }
  }
}
