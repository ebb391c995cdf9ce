import Glibc
import Testing

@testable import CertctlSystem

/// A temporary directory that is deleted after the test.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = "/tmp/hostio-test-" + String(UInt64.random(in: 0 ... .max), radix: 36)
    try DurableFolder(path: path, root: path).create(FileAttributes(mode: 0o755))
  }

  deinit {
    let (parent, name) = DurableFolder.split(path)
    if let name { try? DurableFolder(path: parent, root: parent).removeTree(name) }
  }

  var folder: DurableFolder { DurableFolder(path: path, root: path) }

  /// Returns all names in the directory, including temporary ones.
  func names() throws -> [String] {
    try Descriptor.folder(path).names(subject: path)
  }
}

/// The ID of a running process other than this one.
let initProcess: Int32 = 1

/// Returns a loopback TCP port on which nothing listens at the moment.
func freePort() throws -> Int {
  let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(raw) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let status = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
      bind(raw, pointer, size) == 0 ? getsockname(raw, pointer, &size) : -1
    }
  }
  try #require(status == 0)
  return Int(UInt16(bigEndian: address.sin_port))
}

/// Waits for up to ten seconds until `condition` holds, and returns whether it does.
func eventually(_ condition: @Sendable () async throws -> Bool) async throws -> Bool {
  for _ in 0..<1000 {
    if try await condition() { return true }
    try await Task.sleep(for: .milliseconds(10))
  }
  return false
}
