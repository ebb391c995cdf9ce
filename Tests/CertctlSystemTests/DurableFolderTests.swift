import CertctlBase
import Glibc
import TestSupport
import Testing

@testable import CertctlSystem

private let plain = FileAttributes(mode: 0o640)

@Suite struct DurableFolderTests {
  let scratch: Scratch
  var folder: DurableFolder { scratch.folder }

  init() throws { scratch = try Scratch() }

  @Test func `a file is written with its mode and read back`() throws {
    let before = umask(0o077)
    defer { umask(before) }
    try folder.write("a", [1, 2, 3], FileAttributes(mode: 0o644))
    try folder.write("a", [4], FileAttributes(mode: 0o604))
    #expect(try folder.read("a") == [4])
    #expect(try folder.attributes(of: "a")?.mode == 0o604)
    #expect(try scratch.names() == ["a"])
  }

  @Test(.needsRoot("an ordinary user cannot give files away"))
  func `owner and group are set`() throws {
    try folder.write("a", [], FileAttributes(mode: 0o4750, owner: 12, group: 34))
    #expect(
      try folder.attributes(of: "a") == FileAttributes(mode: 0o4750, owner: 12, group: 34))
  }

  @Test func `a missing entry is nil and can be removed`() throws {
    #expect(try folder.read("a") == nil)
    #expect(try folder.linkTarget("a") == nil)
    #expect(try folder.attributes(of: "a") == nil)
    try folder.remove("a")
    try folder.removeTree("a")
  }

  @Test func `a file larger than the limit is rejected`() throws {
    try folder.write("a", [UInt8](repeating: 1, count: 101), plain)
    let error = try #require(throws: HostError.self) { try folder.read("a", limit: 100) }
    #expect(error.code == .fileTooLarge)
  }

  @Test func `a FIFO is rejected without blocking`() throws {
    #expect(mkfifo(scratch.path + "/pipe", 0o600) == 0)
    #expect(throws: HostError.self) { try folder.read("pipe") }
  }

  @Test(arguments: ["", ".", "..", "a/b", "/a", "a\0b"])
  func `a name that is not a single path component is rejected`(_ name: String) throws {
    let error = try #require(throws: HostError.self) { try folder.write(name, [], plain) }
    #expect(error.code == .unsafePath)
  }

  @Test func `missing parents are created with the mode`() throws {
    let before = umask(0o077)
    defer { umask(before) }
    let deep = folder.folder("x").folder("y")
    try deep.create(FileAttributes(mode: 0o711))
    #expect(try folder.attributes(of: "x")?.mode == 0o711)
    #expect(try folder.folder("x").attributes(of: "y")?.mode == 0o711)
    try deep.create(FileAttributes(mode: 0o700))
    #expect(try folder.folder("x").attributes(of: "y")?.mode == 0o711)
  }

  @Test func `concurrent tasks can create the same folders`() async throws {
    for round in 0..<300 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        let deep = folder.folder("\(round)").folder("x").folder("y")
        for _ in 0..<4 {
          group.addTask { try await Blocking.run { try deep.create(FileAttributes(mode: 0o700)) } }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test(arguments: ["/", "//", "///"])
  func `trailing slashes in a path are ignored`(_ slashes: String) throws {
    let deep = DurableFolder(path: scratch.path + "/x" + slashes, root: scratch.path + slashes)
    try deep.create(FileAttributes(mode: 0o700))
    #expect(deep.path == scratch.path + "/x")
    #expect(try folder.entries() == ["x"])
    #expect(DurableFolder(path: slashes, root: slashes).path == "/")
  }

  @Test func `the error for a file in place of a folder has its path`() throws {
    try folder.write("x", [], plain)
    let error = try #require(throws: HostError.self) { try folder.folder("x").create(plain) }
    #expect(error.errnoCode == ENOTDIR)
    #expect(error.description.contains(scratch.path + "/x"))
  }

  @Test func `a link is replaced atomically`() throws {
    try folder.link("live", to: "../archive/1")
    try folder.link("live", to: "../archive/2")
    #expect(try folder.linkTarget("live") == "../archive/2")
    #expect(try folder.entries() == ["live"])
    #expect(try scratch.names() == ["live"])
  }

  @Test func `a temporary link left by a crash is removed by name`() throws {
    try folder.link(".tmp-0000000000001-live", to: "../archive/1")
    // Another process is about to rename this one.
    try folder.link(".tmp-0000000000002-other", to: "../archive/1")
    try folder.sweepTemporaries(of: "live")
    #expect(try scratch.names() == [".tmp-0000000000002-other"])
  }

  @Test func `writing a new file does not replace an existing one`() throws {
    try folder.writeNew("a", [1], plain)
    let error = try #require(throws: HostError.self) { try folder.writeNew("a", [2], plain) }
    #expect(error.code == .alreadyExists)
    #expect(try folder.read("a") == [1])
  }

  @Test func `removing a tree does not follow links`() throws {
    let tree = folder.folder("tree")
    try tree.folder("inner").create(FileAttributes(mode: 0o700))
    try folder.write("outside", [9], plain)
    try tree.folder("inner").write("a", [1], plain)
    try tree.link("out", to: "../outside")
    try tree.link("up", to: "..")
    try folder.removeTree("tree")
    #expect(try scratch.names() == ["outside"])
  }

  @Test func `a file is moved to another folder`() throws {
    let other = folder.folder("b")
    try other.create(FileAttributes(mode: 0o700))
    try folder.write("a", [1], plain)
    try folder.rename("a", to: "c", in: other)
    #expect(try other.read("c") == [1])
    #expect(try folder.read("a") == nil)
  }

  @Test func `temporary files are removed and never listed`() throws {
    try folder.writeNew(".tmp-1", [], plain)
    try folder.folder(".tmp-2").create(FileAttributes(mode: 0o700))
    try folder.folder(".tmp-2").writeNew("x", [], plain)
    try folder.write("a", [], plain)
    #expect(try folder.entries() == ["a"])
    try folder.sweepTemporaries()
    #expect(try scratch.names() == ["a"])
  }

  @Test func `removing the temporary files of one name keeps those of others`() throws {
    for name in ["example.com", "x-example.com", "com"] {
      try folder.writeNew(DurableFolder.temporaryName(for: name), [], plain)
      try folder.writeNew(DurableFolder.temporaryName(for: name, number: 0), [], plain)
    }
    try folder.sweepTemporaries(of: "example.com")
    #expect(try scratch.names().count == 4)
    #expect(try scratch.names().allSatisfy { !DurableFolder.isTemporary($0, for: "example.com") })
    try folder.folder("missing").sweepTemporaries()
  }

  @Test func `a temporary folder left by a crash is reused`() throws {
    let left = DurableFolder.temporaryName(for: "x", number: 0)
    #expect(mkdir(scratch.path + "/" + left, 0o700) == 0)
    try folder.folder("x").create(FileAttributes(mode: 0o711))
    #expect(try scratch.names() == ["x"])
    #expect(try folder.attributes(of: "x")?.mode == 0o711)
  }

  @Test func `a fault script records each changing system call`() throws {
    let script = try #require(FaultScript(trace: "", kill: nil, diskFull: nil))
    try FaultPoint.$script.withValue(script) {
      let inner = folder.folder("x")
      try inner.create(FileAttributes(mode: 0o700))
      try inner.write("a", [1], FileAttributes(mode: 0o600, owner: getuid()))
      try inner.link("l", to: "a")
    }
    #expect(
      script.steps == [
        "mkdir x", "chmod x", "fsync x", "rename x", "fsync .",
        "open x/a", "write x/a", "chown x/a", "chmod x/a", "fsync x/a", "rename x/a", "fsync x",
        "symlink x/l", "rename x/l", "fsync x",
      ])
  }

  /// The seventh step is the folder's fsync, after the new file is in place.
  @Test(arguments: 1...6)
  func `a full disk at any step keeps the old file and leaves no others`(_ step: Int) throws {
    try folder.write("a", [1], plain)
    let script = try #require(FaultScript(trace: nil, kill: nil, diskFull: step))
    let error = try #require(throws: HostError.self) {
      try FaultPoint.$script.withValue(script) {
        try folder.write("a", [2], FileAttributes(mode: 0o600, owner: getuid()))
      }
    }
    #expect(error.code == .diskFull)
    #expect(try folder.read("a") == [1])
    #expect(try scratch.names() == ["a"])
  }

  @Test func `a real full disk is distinguished from other failures`() throws {
    let full = try Descriptor.folder("/dev")
      .open("full", O_WRONLY, operation: "open", subject: "/dev/full")
    var caught: HostError?
    do throws(HostError) { try full.write([1], subject: "/dev/full") } catch { caught = error }
    #expect(caught?.code == .diskFull)
    #expect(caught?.description == "cannot write /dev/full: no space left on device")
  }
}
