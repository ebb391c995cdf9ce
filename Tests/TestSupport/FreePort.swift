import Glibc
import Synchronization

/// Allocates ports on which nothing listens.
///
/// Ports are below the kernel's range for outgoing connections (32768 and up), so that no client
/// socket can take one before the server starts. No port is allocated twice in one test process;
/// parallel test processes start at different ports.
package enum FreePort {
  private static let range = 20_000..<32_000
  private static let last = Mutex(range.lowerBound + Int(getpid()) * 61 % range.count)

  /// Returns a port that is free for TCP and UDP on all IPv4 and IPv6 addresses.
  package static func pick() throws -> Int {
    for _ in range {
      let port = last.withLock { last in
        last = last + 1 < range.upperBound ? last + 1 : range.lowerBound
        return last
      }
      if isFree(port) { return port }
    }
    throw HarnessError("no free port in \(range)")
  }

  private static func isFree(_ port: Int) -> Bool {
    let kinds = [SOCK_STREAM, SOCK_DGRAM].map { Int32($0.rawValue) }
    return kinds.allSatisfy { canBind4(port, kind: $0) && canBind6(port, kind: $0) }
  }

  private static func canBind4(_ port: Int, kind: Int32) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    return canBind(family: AF_INET, kind: kind, &address)
  }

  /// Returns whether the port is free on IPv6; also true on a machine without IPv6.
  private static func canBind6(_ port: Int, kind: Int32) -> Bool {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = in_port_t(port).bigEndian
    return canBind(family: AF_INET6, kind: kind, &address)
  }

  private static func canBind<Address>(
    family: Int32, kind: Int32, _ address: inout Address
  ) -> Bool {
    let descriptor = socket(family, kind | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return errno == EAFNOSUPPORT }
    defer { close(descriptor) }
    var one: Int32 = 1
    // Without V6ONLY, [::] would also bind the IPv4 port, which has its own check.
    if family == AF_INET6 {
      setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, socklen_t(4))
    }
    // Treat ports in TIME_WAIT as free, as servers do.
    if kind == Int32(SOCK_STREAM.rawValue) {
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(4))
    }
    let size = socklen_t(MemoryLayout<Address>.size)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) == 0 }
    }
  }
}

/// Returns whether a server accepts TCP connections on this loopback port.
package func acceptsConnections(_ port: Int) -> Bool {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  guard descriptor >= 0 else { return false }
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(port).bigEndian
  address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
  return withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
  }
}
