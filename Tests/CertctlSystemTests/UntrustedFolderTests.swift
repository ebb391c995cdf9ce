import CertctlBase
import Glibc
import Testing

@testable import CertctlSystem

@Suite struct UntrustedFolderTests {
  let scratch: Scratch
  let place = [".well-known", "acme-challenge"]

  init() throws { scratch = try Scratch() }

  @Test func `a challenge file is created and removed without a trace`() throws {
    let before = umask(0o077)
    defer { umask(before) }
    let (folder, made) = try UntrustedFolder.open(scratch.path).makeFolders(place)
    #expect(made == 2)
    try folder.create("token", [1, 2])
    let durable = scratch.folder.folder(place[0])
    #expect(try scratch.folder.attributes(of: place[0])?.mode == 0o755)
    #expect(try durable.folder(place[1]).attributes(of: "token")?.mode == 0o644)
    #expect(try folder.removeIfOurs("token", [1, 2]))
    try folder.removeEmptyFolders(made)
    #expect(try scratch.names() == [])
  }

  @Test func `existing and used folders are kept`() throws {
    try scratch.folder.folder(place[0]).create(FileAttributes(mode: 0o700))
    let (folder, made) = try UntrustedFolder.open(scratch.path).makeFolders(place)
    #expect(made == 1)
    try folder.create("theirs", [])
    try folder.removeEmptyFolders(made)
    #expect(try scratch.folder.folder(place[0]).entries() == [place[1]])
  }

  @Test func `a link in the path is not followed`() throws {
    let outside = try Scratch()
    try scratch.folder.link(place[0], to: outside.path)
    #expect(throws: HostError.self) { try UntrustedFolder.open(scratch.path).makeFolders(place) }
    #expect(try outside.names() == [])
  }

  @Test func `a link in place of the file is neither followed nor removed`() throws {
    let outside = try Scratch()
    try outside.folder.write("target", [1], FileAttributes(mode: 0o600))
    let folder = try UntrustedFolder.open(scratch.path)
    try scratch.folder.link("token", to: outside.path + "/target")
    let error = try #require(throws: HostError.self) { try folder.create("token", [2]) }
    #expect(error.code == .alreadyExists)
    #expect(try !folder.removeIfOurs("token", [1]))
    #expect(try outside.folder.read("target") == [1])
    #expect(try scratch.names() == ["token"])
  }

  @Test func `a file with other content is not removed`() throws {
    let folder = try UntrustedFolder.open(scratch.path)
    try folder.create("token", [1])
    #expect(try !folder.removeIfOurs("token", [2]))
    #expect(try !folder.removeIfOurs("token", [2, 1]))
    #expect(try !folder.removeIfOurs("token", []))
    #expect(try !folder.removeIfOurs("other", []))
    #expect(try scratch.names() == ["token"])
  }

  @Test(arguments: [[], [1], [1, 2], [1, 2, 3]] as [[UInt8]])
  func `a partially written file is removed`(_ written: [UInt8]) throws {
    let folder = try UntrustedFolder.open(scratch.path)
    try folder.create("token", written)
    #expect(try folder.removeIfOurs("token", [1, 2, 3]))
    #expect(try scratch.names() == [])
  }

  @Test func `an empty folder with a restrictive mode is opened, a used one is not`() throws {
    let folder = try UntrustedFolder.open(scratch.path)
    #expect(mkdir(scratch.path + "/left", 0o700) == 0)
    #expect(mkdir(scratch.path + "/used", 0o700) == 0)
    try scratch.folder.folder("used").write("a", [], FileAttributes(mode: 0o600))
    #expect(try folder.makeFolders(["left"]).made == 0)
    #expect(try folder.makeFolders(["used"]).made == 0)
    #expect(try scratch.folder.attributes(of: "left")?.mode == 0o755)
    #expect(try scratch.folder.attributes(of: "used")?.mode == 0o700)
  }

  @Test func `a folder named by the user may be a link`() throws {
    let link = try Scratch()
    try link.folder.link("www", to: scratch.path)
    try UntrustedFolder.open(link.path + "/www").create("token", [1])
    #expect(try scratch.names() == ["token"])
  }
}
