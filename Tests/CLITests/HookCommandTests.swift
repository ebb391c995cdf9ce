import FoundationEssentials
import TestSupport
import Testing

/// `certctl hook` as its users see it.
@Suite(.timeLimit(.minutes(10)))
struct HookCommandTests {
  /// A certctl whose configuration, hooks and state lie in a folder of the test's own.
  private func withHooks(
    _ scripts: [String: String], _ body: (CertctlBinary, TemporaryFolder) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      var certctl = try CertctlBinary.locate(stateIn: folder)
      certctl.commonArguments = ["--config", try folder.write("certctl.toml", "")]
      for (name, script) in scripts {
        let path = try folder.write("hooks/\(name)", "#!/bin/sh\n\(script)\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
      }
      try await body(certctl, folder)
    }
  }

  @Test func `the list says what runs, and why the rest does not`() async throws {
    try await withHooks(["deploy.d/b": "", "deploy.d/a~": "", "pre.d/z": ""]) { certctl, folder in
      let text = try await certctl.run(["hook", "list"])
      #expect(text.exitCode == 0)
      #expect(
        text.standardOutput == """
          pre     \(folder.path("hooks/pre.d/z"))
          deploy  \(folder.path("hooks/deploy.d/a~"))
                  does not run: it is a hidden, temporary or backup file
                  hint: delete or rename it
          deploy  \(folder.path("hooks/deploy.d/b"))

          """)
      let json = try await certctl.run(["hook", "list", "--json"])
      let report = try #require(JSONValue(Array(json.standardOutput.utf8)))
      #expect(report["directory"].string == folder.path("hooks"))
      #expect(report["hooks"].array.map { $0["problem"] == .null } == [true, false, true])
      #expect(report["hooks"].array.map { $0["findings"].array.count } == [0, 1, 0])
      let finding = report["hooks"].array[1]["findings"].array.first
      #expect(finding?["code"].string == "hookNotUsable")
      #expect(finding?["message"].string?.hasPrefix("does not run: ") == true)
      #expect(finding?["hint"].string == "delete or rename it")
    }
  }

  @Test func `without hooks the folder is named`() async throws {
    try await withHooks([:]) { certctl, folder in
      let list = try await certctl.run(["hook", "list"])
      #expect(list.standardOutput == "No hooks in \(folder.path("hooks"))\n")
      let run = try await certctl.run(["hook", "run", "--event", "post"])
      #expect(run.exitCode == 0)
      #expect(run.standardOutput.contains(folder.path("hooks/post.d")))
    }
  }

  @Test func `a hook that fails shows its output, made safe, and gives exit code 1`() async throws {
    let script = "cat >/dev/null; printf 'red \\033[31m\\nsecond'; exit 4"
    try await withHooks(["notify.d/tell": script]) { certctl, folder in
      let arguments = ["hook", "run", "tell", "--event", "notify"]
      let text = try await certctl.run(arguments)
      #expect(text.exitCode == 1)
      let path = folder.path("hooks/notify.d/tell")
      #expect(
        text.standardOutput.hasPrefix("The notify hook \(path) failed with exit code 4 after "))
      #expect(text.standardOutput.hasSuffix(" s.\n  | red \\u{1B}[31m\n  | second\n"))
      let json = try await certctl.run(arguments + ["--json"])
      #expect(json.exitCode == 1)
      let hook = try #require(JSONValue(Array(json.standardOutput.utf8)))["hooks"].array.first
      #expect(hook?["exitCode"].number == 4)
      #expect(hook?["succeeded"].bool == false)
      #expect(hook?["output"].string == "red \u{1B}[31m\nsecond")
      let finding = hook?["findings"].array.first
      #expect(finding?["code"].string == "hookFailed" && finding?["subject"].string == path)
      #expect(finding?["message"] == hook?["message"])
    }
  }

  @Test func `a notify hook is told the message`() async throws {
    try await withHooks(["notify.d/tell": "cat"]) { certctl, _ in
      let result = try await certctl.run(
        ["hook", "run", "--event", "notify", "--message", "the run failed"])
      #expect(result.exitCode == 0)
      #expect(result.standardOutput.contains("\"message\" : \"the run failed\""))
      #expect(result.standardOutput.contains("\"reason\" : \"runFailed\""))
    }
  }

  @Test func `what cannot be run is an error with a hint`() async throws {
    try await withHooks(["deploy.d/good": "", "pre.d/bad": ""]) { certctl, folder in
      let unnamed = try await certctl.run(["hook", "run", "good"])
      #expect(unnamed.exitCode == 64)
      #expect(unnamed.standardError.contains("--lineage NAME"))
      let unknown = try await certctl.run(["hook", "run", "none", "--event", "pre"])
      #expect(unknown.exitCode == 1)
      #expect(unknown.standardError.contains("hint: available: bad"))
      let lineage = try await certctl.run(["hook", "run", "good", "--lineage", "none"])
      #expect(lineage.exitCode == 1)
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o777], ofItemAtPath: folder.path("hooks/pre.d/bad"))
      let open = try await certctl.run(["hook", "run", "bad", "--event", "pre"])
      #expect(open.exitCode == 1)
      #expect(open.standardError.contains("hint: run: chmod go-w "))
      let wrong = try await certctl.run(["hook", "run", "bad", "--message", "text"])
      #expect(wrong.exitCode == 64)
    }
  }
}
