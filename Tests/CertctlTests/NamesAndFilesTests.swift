import ACME
import CertctlSystem
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlStore

struct NamesAndFilesTests {
  @Test(arguments: [
    "example.com", "a", "Ä", "2001:db8::1", "with blank", String(repeating: "x", count: 200),
  ])
  func `a name that is a valid file name is accepted`(_ text: String) throws {
    #expect(try LineageName(text).value == text)
  }

  @Test(arguments: [
    "", ".", "..", ".hidden", "-x", "a/b", "/", "a\nb", "a\u{0}", "a\u{7F}", "a\u{85}",
    String(repeating: "x", count: 201),
  ])
  func `a name that is unsafe as a file name is refused`(_ text: String) {
    let error = #expect(throws: CertctlError.self) { try LineageName(text) }
    #expect(error?.code == .usage)
    expectError(error, mentions: "'\(text)'")
  }

  @Test func `a wildcard is stored under its domain`() throws {
    #expect(try LineageName(from: .dns("*.example.com")).value == "example.com")
    #expect(try LineageName(from: .dns("www.example.com")).value == "www.example.com")
    #expect(try LineageName(from: .ip("2001:db8::1")).value == "2001:db8::1")
  }

  @Test func `a domain too long for a file name is cut at the front`() throws {
    let long =
      (0..<6).map { _ in String(repeating: "a", count: 40) }.joined(separator: ".") + ".com"
    let name = try LineageName(from: .dns(long)).value
    #expect(name.utf8.count <= 200)
    #expect(long.hasSuffix(name))
    #expect(!name.hasPrefix("."))
  }

  @Test func `by default only the owner can read the key`() throws {
    let files = FileSettings()
    #expect(try files.keyAttributes() == FileAttributes(mode: 0o600))
    #expect(try files.certificateAttributes() == FileAttributes(mode: 0o644))
    #expect(try files.folderAttributes() == FileAttributes(mode: 0o700))
  }

  @Test(arguments: [
    ("0600", 0o700), ("600", 0o700), ("0400", 0o700), ("0640", 0o750), ("0440", 0o750),
  ])
  func `the folder mode follows the key mode`(_ mode: String, _ folder: Int) throws {
    let files = FileSettings(keyMode: mode)
    #expect(try files.keyAttributes().mode == UInt32(mode, radix: 8))
    #expect(try files.folderAttributes().mode == UInt32(folder))
  }

  @Test(arguments: [
    "", "abc", "0644", "0777", "0200", "0060", "1600", "06400", "0x180", "-600", "+600",
  ])
  func `a key mode that is invalid, open to others or closed to the owner is refused`(
    _ mode: String
  ) {
    let error = #expect(throws: CertctlError.self) {
      try FileSettings(keyMode: mode).keyAttributes()
    }
    #expect(error?.exitCode == 64)
    expectError(error, hint: "0640")
  }

  @Test func `owner and group are looked up by name`() throws {
    let files = FileSettings(owner: "root", group: "root", keyMode: "0640")
    #expect(try files.keyAttributes() == FileAttributes(mode: 0o640, owner: 0, group: 0))
    #expect(try files.folderAttributes() == FileAttributes(mode: 0o750, owner: 0, group: 0))
    #expect(try files.certificateAttributes() == FileAttributes(mode: 0o644, owner: 0, group: 0))
  }

  @Test func `an unknown owner or group is named in the error`() {
    let owner = #expect(throws: CertctlError.self) {
      try FileSettings(owner: "no such user").keyAttributes()
    }
    expectError(owner, mentions: "'no such user'")
    let group = #expect(throws: CertctlError.self) {
      try FileSettings(group: "no such group").keyAttributes()
    }
    expectError(group, mentions: "'no such group'")
    #expect(group?.exitCode == 64)
  }
}
