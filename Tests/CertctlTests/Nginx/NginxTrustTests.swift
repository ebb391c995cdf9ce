import CertctlSystem
import Glibc
import TestSupport
import Testing

@testable import CertctlServing
@testable import CertctlStore

/// The processes that root trusts as an nginx that it can run.
@Suite(.needsRoot("the rule is about root"))
struct NginxTrustTests {
  /// A program owned by root in place of nginx.
  private static let program = "/usr/bin/env"

  /// A folder with a configuration, and a runner that answers `-V`.
  private struct Bench {
    let folder: TemporaryFolder
    let trust: NginxTrust
    let runner: ScriptedRunner

    init(_ folder: TemporaryFolder, arguments: String? = nil) throws {
      self.folder = folder
      chmod(folder.path, 0o755)
      try folder.write("nginx.conf", "events {}\n")
      let built = arguments ?? "--prefix=\(folder.path) --conf-path=\(folder.path)/nginx.conf"
      runner = ScriptedRunner(["-V": .said("nginx version: x\nconfigure arguments: \(built)\n")])
      trust = NginxTrust(state: StateDirectory(path: folder.path("state")), runner: runner)
    }

    func process(
      _ options: String = "", title: String = NginxTrustTests.program,
      users: RunningProcess.Users = .init(0), program: RunningProcess.Program? = nil
    ) throws -> RunningProcess {
      RunningProcess(
        pid: 7, title: RunningNginx.title + title + (options.isEmpty ? "" : " \(options)"),
        users: users, program: try program ?? NginxTrustTests.executing())
    }

    /// Returns why a process is refused, or nil.
    func refusal(_ process: RunningProcess) async throws -> RefusedNginx? {
      do {
        _ = try await trust.check(process)
        return nil
      } catch let error as RefusedNginx {
        return error
      }
    }
  }

  private static func executing(
    _ path: String = program, isDeleted: Bool = false, isSetuid: Bool = false
  ) throws -> RunningProcess.Program {
    let resolved = try TrustedPath(program, .program)
    return .file(
      path == program ? resolved.resolvedPath : path,
      .init(stamp: resolved.stamp, isDeleted: isDeleted, isSetuid: isSetuid))
  }

  private func withBench(_ body: (Bench) async throws -> Void) async throws {
    try await withTemporaryFolder(label: "trust") { try await body(Bench($0)) }
  }

  @Test func `a process of root that runs the program in its title is trusted`() async throws {
    try await withBench { bench in
      let nginx = try await bench.trust.check(bench.process("-c nginx.conf"))
      #expect(nginx.executable == Self.program)
      #expect(nginx.mainFile == bench.folder.path("nginx.conf"))
      #expect(nginx.foreignFiles.isEmpty)
      // An upgrade deletes or renames the old program.
      _ = try await bench.trust.check(bench.process(program: Self.executing(isDeleted: true)))
      let former = try TrustedPath(Self.program, .program).resolvedPath + ".old"
      _ = try await bench.trust.check(bench.process(program: Self.executing(former)))
    }
  }

  @Test func `nothing is run for a process that is not known to be root's nginx`() async throws {
    try await withBench { bench in
      let root: UInt32 = 0
      let mallory: UInt32 = 4242
      let others: [RunningProcess] = [
        try bench.process(users: .init(mallory)),
        try bench.process(users: .init(real: mallory, effective: root, saved: root)),
        try bench.process(users: .init(real: root, effective: mallory, saved: root)),
        try bench.process(users: .init(real: root, effective: root, saved: mallory)),
        try bench.process(program: Self.executing(isSetuid: true)),
        try bench.process(program: Self.executing("/usr/bin/sleep")),
        try bench.process(title: ""),
      ]
      for process in others {
        let refusal = try await bench.refusal(process)
        #expect(refusal?.mayServe == false, "\(process)")
      }
      let hidden = try await bench.refusal(bench.process(program: .hidden))
      #expect(hidden?.mayServe == true)
      expectText(hidden?.hint, mentions: "certctl nginx status")
      #expect(bench.runner.commands.isEmpty)
    }
  }

  @Test func `a trusted program is remembered with its options for runs that cannot see it`()
    async throws
  {
    try await withBench { bench in
      let seen = try await bench.trust.check(bench.process("-g daemon off;"))
      await bench.trust.remember([seen])
      _ = try await bench.trust.check(bench.process("-g daemon off;", program: .hidden))
      for options in ["", "-g daemon on;", "-g daemon off; load_module /x.so;", "-c /x"] {
        let refusal = try await bench.refusal(bench.process(options, program: .hidden))
        #expect(refusal != nil, "\(options)")
      }
      // A program that was not visible is not remembered.
      let known = try await bench.trust.check(bench.process("-g daemon off;", program: .hidden))
      try bench.folder.write("state/cache/nginx.json", #"{"version":1,"programs":[]}"#)
      await bench.trust.remember([known])
      #expect(
        try await bench.refusal(bench.process("-g daemon off;", program: .hidden)) != nil)
      // A file from a newer certctl is left unchanged.
      try bench.folder.write("state/cache/nginx.json", #"{"version":2}"#)
      await bench.trust.remember([seen])
      #expect(bench.folder.read("state/cache/nginx.json") == #"{"version":2}"#)
    }
  }

  @Test(arguments: [
    ("load_module theirs/m.so;", ""), ("include theirs/*.conf;", ""),
    ("include own.conf;", "load_module theirs/m.so;"), ("include own.conf;", "include theirs/x;"),
    ("user x; include own.conf; events {}", "include theirs/x;"),
  ])
  func `a configuration that can load code from another user's folder is refused`(
    main: String, own: String
  ) async throws {
    try await withBench { bench in
      try bench.folder.makeFolder("theirs")
      try bench.folder.write("nginx.conf", main)
      try bench.folder.write("own.conf", own)
      #expect(try await bench.refusal(bench.process()) == nil)
      chown(bench.folder.path("theirs"), 4242, 4242)
      let refusal = try await bench.refusal(bench.process())
      #expect(refusal?.reason.contains("theirs belongs to user 4242") == true)
      #expect(refusal?.mayServe == true)
      // Only `-V`, because it reads no configuration.
      #expect(bench.runner.commands.allSatisfy { $0.arguments == ["-V"] })
    }
  }

  @Test func `modules and includes on the command line are checked too`() async throws {
    try await withBench { bench in
      try bench.folder.makeFolder("theirs")
      chown(bench.folder.path("theirs"), 4242, 4242)
      for text in ["load_module theirs/m.so", "include theirs/*.conf"] {
        #expect(try await bench.refusal(bench.process("-g daemon off; \(text);")) != nil, "\(text)")
      }
    }
  }

  @Test func `a configuration file that cannot be read is refused`() async throws {
    try await withBench { bench in
      try bench.folder.makeFolder("a")
      try bench.folder.write("nginx.conf", "include */own.conf;")
      let own = try bench.folder.write("a/own.conf", "events {}")
      #expect(try await bench.refusal(bench.process()) == nil)
      try bench.folder.write("a/own.conf", String(repeating: "\n", count: 17 << 20))
      await #expect(throws: (any Error).self) { try await bench.trust.check(bench.process()) }
      unlink(own)
      mkfifo(own, 0o600)
      await #expect(throws: (any Error).self) { try await bench.trust.check(bench.process()) }
      unlink(own)
      // The file does not exist, but another user can create it.
      chown(bench.folder.path("a"), 4242, 4242)
      #expect(try await bench.refusal(bench.process()) != nil)
    }
  }

  @Test func `without --conf-path the main file is below the prefix`() async throws {
    try await withTemporaryFolder(label: "trust") { folder in
      let bench = try Bench(folder, arguments: "--prefix=\(folder.path)")
      await #expect(throws: (any Error).self) { try await bench.trust.check(bench.process()) }
      try folder.write("conf/nginx.conf", "events {}\n")
      let nginx = try await bench.trust.check(bench.process())
      #expect(nginx.mainFile == folder.path("conf/nginx.conf"))
    }
  }

  @Test func `the prefix and the main file must belong to root`() async throws {
    try await withBench { bench in
      let theirs = try bench.folder.makeFolder("theirs")
      try bench.folder.write("theirs/nginx.conf", "events {}\n")
      chown(theirs, 4242, 4242)
      #expect(try await bench.refusal(bench.process("-p \(theirs)")) != nil)
      // nginx uses the last of repeated options.
      let twice = "-c \(bench.folder.path)/nginx.conf -c \(theirs)/nginx.conf"
      #expect(try await bench.refusal(bench.process(twice)) != nil)
      #expect(try await bench.refusal(bench.process("-c\(theirs)/nginx.conf")) != nil)
      #expect(try await bench.refusal(bench.process("-c \(theirs)/nginx.conf")) != nil)
      #expect(try await bench.refusal(bench.process("-c theirs/nginx.conf")) != nil)
      #expect(try await bench.refusal(bench.process("-p relative")) != nil)
      // Inside a block it cannot load a module, so it is only reported.
      try bench.folder.write("nginx.conf", "http { include theirs/nginx.conf; }\n")
      let nginx = try await bench.trust.check(bench.process())
      #expect(nginx.foreignFiles.count == 1)
    }
  }

  @Test func `forks of nginx are recognised by their configure arguments`() async throws {
    try await withBench { bench in
      for name in ["Tengine version: Tengine/3", "Angie version: Angie/1.9", "openresty/1.27"] {
        let runner = ScriptedRunner([
          "-V": .said("\(name)\nconfigure arguments: --conf-path=\(bench.folder.path)/nginx.conf\n")
        ])
        let trust = NginxTrust(state: bench.trust.state, runner: runner)
        _ = try await trust.check(bench.process())
      }
      let other = NginxTrust(
        state: bench.trust.state, runner: ScriptedRunner(["-V": .said("env 9\n")]))
      await #expect(throws: RefusedNginx.self) { try await other.check(bench.process()) }
    }
  }
}
