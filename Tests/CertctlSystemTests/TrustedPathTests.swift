import CertctlBase
import Glibc
import TestSupport
import Testing

@testable import CertctlSystem

/// Files that other users could have created or changed are not trusted.
@Suite struct TrustedPathTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    try make("hook")
  }

  private func make(_ name: String, mode: UInt32 = 0o755) throws {
    try scratch.folder.write(name, Array("#!/bin/sh\n".utf8), FileAttributes(mode: mode))
  }

  private func path(_ name: String) -> String { "\(scratch.path)/\(name)" }

  @Test func `a file owned by the current user or root is trusted`() throws {
    #expect(try TrustedPath(path("hook"), .program).resolvedPath == path("hook"))
    let roundabout = scratch.path + "/.//./../" + scratch.path.dropFirst(5) + "/hook"
    #expect(try TrustedPath(roundabout, .program).resolvedPath == path("hook"))
    _ = try TrustedPath("/usr/bin/env", .program)
  }

  @Test(arguments: [0o775, 0o757, 0o722, 0o1777] as [UInt32])
  func `a folder writable by others is rejected`(mode: UInt32) throws {
    chmod(scratch.path, mode)
    let error = #expect(throws: HostError.self) { try TrustedPath(path("hook"), .program) }
    #expect(error?.code == .unsafePath)
    expectText(error?.detail, startsWith: "\(scratch.path) can be written by ")
    let isShared = mode & 0o1000 != 0
    expectText(
      error?.hint, mentions: isShared ? "such as /etc/certctl" : "chmod go-w \(scratch.path)")
  }

  @Test(arguments: [0o775, 0o757] as [UInt32])
  func `a parent folder writable by others is rejected`(mode: UInt32) throws {
    let inner = DurableFolder(path: path("inner"), root: scratch.path)
    try inner.create(FileAttributes(mode: 0o755))
    try inner.write("hook", Array("#!/bin/sh\n".utf8), FileAttributes(mode: 0o755))
    _ = try TrustedPath(path("inner/hook"), .program)
    chmod(scratch.path, mode)
    #expect(throws: HostError.self) { try TrustedPath(path("inner/hook"), .program) }
    // With the sticky bit, others cannot replace the folder.
    chmod(scratch.path, mode | 0o1000)
    _ = try TrustedPath(path("inner/hook"), .program)
  }

  @Test(arguments: [0o775, 0o757] as [UInt32])
  func `a file writable by others is rejected`(mode: UInt32) throws {
    try make("open", mode: mode)
    let error = #expect(throws: HostError.self) { try TrustedPath(path("open"), .program) }
    expectText(error?.hint, mentions: "chmod go-w \(path("open"))")
  }

  @Test func `a file need not be executable, but must not be writable by others`()
    throws
  {
    try make("read", mode: 0o644)
    #expect(try TrustedPath(path("read"), .file).resolvedPath == path("read"))
    try make("shared", mode: 0o666)
    #expect(throws: HostError.self) { try TrustedPath(path("shared"), .file) }
  }

  @Test func `a program that is not executable is rejected`() throws {
    try make("text", mode: 0o644)
    let error = #expect(throws: HostError.self) { try TrustedPath(path("text"), .program) }
    expectText(error?.hint, mentions: "chmod +x \(path("text"))")
  }

  @Test func `another owner is rejected`() throws {
    let error = #expect(throws: HostError.self) {
      try TrustedPath(path("hook"), .program, trusting: [4242])
    }
    expectText(error?.detail, mentions: "belongs to root")
  }

  @Test(.needsRoot("an ordinary user cannot give files away"))
  func `a file, folder or link of another user is rejected`() throws {
    try make("foreign")
    chown(path("foreign"), 4242, 4242)
    #expect(throws: HostError.self) { try TrustedPath(path("foreign"), .program) }
    try scratch.folder.link("link", to: "hook")
    _ = try TrustedPath(path("link"), .program)
    lchown(path("link"), 4242, 4242)
    #expect(throws: HostError.self) { try TrustedPath(path("link"), .program) }
    chown(scratch.path, 4242, 4242)
    #expect(throws: HostError.self) { try TrustedPath(path("hook"), .program) }
  }

  @Test func `a link is followed, and its target and folders are checked`() throws {
    let other = try Scratch()
    try other.folder.write("real", Array("#!/bin/sh\n".utf8), FileAttributes(mode: 0o755))
    try other.folder.link("middle", to: "real")
    try scratch.folder.link("link", to: "\(other.path)/middle")
    #expect(try TrustedPath(path("link"), .program).resolvedPath == "\(other.path)/real")
    chmod(other.path, 0o777)
    #expect(throws: HostError.self) { try TrustedPath(path("link"), .program) }
    chmod(other.path, 0o755)
    chmod("\(other.path)/real", 0o777)
    #expect(throws: HostError.self) { try TrustedPath(path("link"), .program) }
  }

  @Test func `link loops, dangling links, folders and devices are rejected`() throws {
    try scratch.folder.link("loop", to: "loop")
    try scratch.folder.link("dangling", to: "nowhere")
    try scratch.folder.link("folder", to: ".")
    try scratch.folder.link("device", to: "/dev/null")
    for name in ["loop", "dangling", "folder", "device", "hook/below", "missing"] {
      #expect(throws: HostError.self) { try TrustedPath(path(name), .program) }
    }
    #expect(throws: HostError.self) { try TrustedPath("hook", .program) }
    #expect(throws: HostError.self) { try TrustedPath("\(path("hook"))\0", .program) }
  }

  @Test func `folders and sockets are checked by type`() throws {
    #expect(try TrustedPath(scratch.path, .folder).resolvedPath == scratch.path)
    #expect(try TrustedPath("/", .folder).resolvedPath == "/")
    #expect(throws: HostError.self) { try TrustedPath("/tmp", .folder) }
    #expect(throws: HostError.self) { try TrustedPath(path("hook"), .folder) }
    #expect(throws: HostError.self) { try TrustedPath(path("hook"), .socket) }
    let raw = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(raw) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path("s").utf8)) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(status == 0)
    // Write permission on a socket allows connecting, not replacing it.
    chmod(path("s"), 0o777)
    _ = try TrustedPath(path("s"), .socket)
    #expect(throws: HostError.self) { try TrustedPath(path("s"), .file) }
  }

  @Test func `a missing file is accepted only if others cannot create it`() throws {
    #expect(try TrustedPath.ifPresent(path("missing"), .file) == nil)
    #expect(try TrustedPath.ifPresent(path("missing/deeper"), .folder) == nil)
    chmod(scratch.path, 0o1777)
    #expect(throws: HostError.self) { try TrustedPath.ifPresent(path("missing"), .file) }
    chmod(scratch.path, 0o777)
    #expect(throws: HostError.self) { try TrustedPath.ifPresent(path("missing"), .folder) }
  }

  @Test func `settings may be in a folder where only their owner can replace them`() throws {
    try make("settings", mode: 0o644)
    chmod(scratch.path, 0o1777)
    _ = try TrustedPath(path("settings"), .settings)
    let error = #expect(throws: HostError.self) { try TrustedPath(path("settings"), .file) }
    expectText(error?.hint, mentions: "/etc/certctl")
    #expect(try TrustedPath.ifPresent(path("missing"), .settings) == nil)
    chmod(scratch.path, 0o777)
    #expect(throws: HostError.self) { try TrustedPath(path("settings"), .settings) }
  }

  @Test func `the stamp changes with the file`() throws {
    let before = try TrustedPath(path("hook"), .program)
    #expect(try TrustedPath(path("hook"), .program) == before)
    try make("hook")
    #expect(try TrustedPath(path("hook"), .program).stamp != before.stamp)
  }

  @Test(.needsRoot("an ordinary user cannot give files away"))
  func `a program whose owner or mode changes after the check is not run`() async throws {
    let marker = path("ran")
    try scratch.folder.write(
      "hook", Array("#!/bin/sh\ntouch \(marker)\n".utf8), FileAttributes(mode: 0o755))
    _ = try TrustedPath(path("hook"), .program)
    for change in [
      { chown(self.path("hook"), 4242, 4242) }, { chmod(self.path("hook"), 0o777) },
      { chown(self.scratch.path, 4242, 4242) }, { chmod(self.scratch.path, 0o777) },
    ] {
      chown(path("hook"), 0, 0)
      chmod(path("hook"), 0o755)
      chown(scratch.path, 0, 0)
      chmod(scratch.path, 0o755)
      #expect(change() == 0)
      let error = await #expect(throws: HostError.self) {
        try await ProcessRunner().run(Command(path("hook")))
      }
      #expect(error?.code == .unsafePath)
      #expect(access(marker, F_OK) != 0)
    }
    chown(scratch.path, 0, 0)
    chmod(scratch.path, 0o755)
    #expect(try await ProcessRunner().run(Command(path("hook"))).succeeded)
    #expect(access(marker, F_OK) == 0)
  }

  @Test(.needsRoot("an ordinary user cannot give files away"))
  func `others' folders are removed from the PATH and HOME of root's programs`() throws {
    chown(scratch.path, 4242, 4242)
    let given = [
      "PATH": "\(scratch.path):.::/usr/bin", "HOME": scratch.path, "TMPDIR": scratch.path,
    ]
    let checked = TrustedEnvironment(variables: given).checked()
    #expect(checked["PATH"] == "/usr/bin")
    #expect(checked["HOME"] == "/root")
    #expect(checked["TMPDIR"] == nil)
    let usual = ["TMPDIR": "/tmp", "OTHER": "x"]
    #expect(TrustedEnvironment(variables: usual).checked() == usual)
    let none = TrustedEnvironment(variables: ["PATH": scratch.path]).checked()
    #expect(none["PATH"] == TrustedEnvironment.usualPath)
  }
}
