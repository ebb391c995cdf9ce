import CertctlBase
import Glibc
import TestSupport
import Testing

@testable import CertctlSystem

/// Root does not follow links planted by other users.
@Suite(.needsRoot("an ordinary user cannot give files away"))
struct LinkWalkTests {
  private let scratch: Scratch
  private static let alice: UInt32 = 4242
  private static let mallory: UInt32 = 4243

  init() throws { scratch = try Scratch() }

  private func path(_ name: String) -> String { "\(scratch.path)/\(name)" }

  /// Creates a folder that a user owns, with a file in it.
  private func folder(_ name: String, of owner: UInt32) throws {
    let folder = DurableFolder(path: path(name), root: scratch.path)
    try folder.create(FileAttributes(mode: 0o755, owner: owner))
    try folder.write("file", Array(name.utf8), FileAttributes(mode: 0o644, owner: owner))
  }

  private func link(_ name: String, to target: String, of owner: UInt32) throws {
    symlink(target, path(name))
    lchown(path(name), owner, owner)
  }

  private func names(in name: String) throws -> [String] {
    try Descriptor.folder(path(name)).names(subject: name)
  }

  @Test func `root's links and users' links to their own folders are followed`() throws {
    try folder("root", of: 0)
    try folder("alice", of: Self.alice)
    try link("to-alice", to: "alice", of: 0)
    try link("current", to: path("alice"), of: Self.alice)
    try link("alice/again", to: "../current/.", of: Self.alice)
    for name in ["root", "to-alice", "current", "alice/again", "root/../alice/again"] {
      #expect(try names(in: name).contains("file"), "\(name)")
    }
  }

  @Test(arguments: ["root", "alice", "root/", "/etc", "/", "hop"])
  func `a link to another owner's folder is rejected`(target: String) throws {
    try folder("root", of: 0)
    try folder("alice", of: Self.alice)
    try folder("mallory", of: Self.mallory)
    try link("hop", to: "root", of: 0)
    let whole = target.hasPrefix("/") ? target : path(target)
    try link("mallory/planted", to: whole, of: Self.mallory)
    let error = #expect(throws: HostError.self) {
      _ = try Descriptor.folder(path("mallory/planted"))
    }
    #expect(error?.code == .unsafePath)
    #expect(throws: HostError.self) {
      try DurableFolder(path: path("mallory/planted"), root: scratch.path)
        .write("new", [], FileAttributes(mode: 0o600))
    }
    #expect(throws: HostError.self) {
      try UntrustedFolder.open(path("mallory/planted")).makeFolders(["a"])
    }
  }

  @Test func `a link in the middle of a path follows the same rule`() throws {
    try folder("root", of: 0)
    try DurableFolder(path: path("root/inner"), root: scratch.path)
      .create(FileAttributes(mode: 0o755))
    try folder("mallory", of: Self.mallory)
    try link("mallory/planted", to: "../root", of: Self.mallory)
    #expect(throws: HostError.self) { _ = try Descriptor.folder(path("mallory/planted/inner")) }
    // Only the link's final target matters.
    try link("mallory/home", to: "../root/../mallory", of: Self.mallory)
    #expect(try names(in: "mallory/home").contains("file"))
  }

  @Test func `links to files follow the same rule`() throws {
    try folder("root", of: 0)
    try folder("mallory", of: Self.mallory)
    try link("mallory/own", to: "file", of: Self.mallory)
    try link("mallory/planted", to: "../root/file", of: Self.mallory)
    try link("theirs", to: "mallory/file", of: 0)
    let mallory = DurableFolder(path: path("mallory"), root: scratch.path)
    #expect(try mallory.read("own") == Array("mallory".utf8))
    #expect(try scratch.folder.read("theirs") == Array("mallory".utf8))
    let error = #expect(throws: HostError.self) { try mallory.read("planted") }
    #expect(error?.code == .unsafePath)
    // Root's links to a user's link, and through a user's folder.
    try link("root/through", to: "../mallory/planted", of: 0)
    try link("mallory/folder", to: "../root", of: Self.mallory)
    try link("root/deeper", to: "../mallory/folder/file", of: 0)
    for name in ["through", "deeper"] {
      let root = DurableFolder(path: path("root"), root: scratch.path)
      #expect(throws: HostError.self) { try root.read(name) }
    }
    #expect(try mallory.read("missing") == nil)
    try link("mallory/dangling", to: "nowhere", of: Self.mallory)
    #expect(try mallory.read("dangling") == nil)
  }

  @Test func `loops, dangling links and files return the system's error`() throws {
    try folder("root", of: 0)
    try link("loop", to: "loop", of: 0)
    try link("dangling", to: "nowhere", of: 0)
    func code(_ name: String) -> Int32? {
      do throws(HostError) {
        _ = try Descriptor.folder(path(name))
        return nil
      } catch {
        return error.errnoCode
      }
    }
    #expect(code("loop") == ELOOP)
    #expect(code("dangling") == ENOENT)
    #expect(code("root/file") == ENOTDIR)
    #expect(code("root/file/below") == ENOTDIR)
    #expect(code("missing") == ENOENT)
  }
}
