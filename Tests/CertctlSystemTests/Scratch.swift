import Glibc
import Testing

@testable import CertctlSystem

/// A folder that goes when the test has run.
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

  /// Every name in the folder, temporary ones too.
  func names() throws -> [String] {
    try Descriptor.folder(path).names(subject: path)
  }
}

/// A number of a process that runs, and that is not this one.
let initProcess: Int32 = 1

/// A TCP port of loopback on which nobody listens at the moment.
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

/// Waits until `condition` holds, for ten seconds at most.
func eventually(_ condition: @Sendable () async throws -> Bool) async throws -> Bool {
  for _ in 0..<1000 {
    if try await condition() { return true }
    try await Task.sleep(for: .milliseconds(10))
  }
  return false
}
