import Glibc
import Synchronization
import TestSupport

/// A listener that accepts connections and never answers.
///
/// A validation of it hangs until the CA gives up: Debian's Pebble after five seconds.
final class SilentListener: Sendable {
  /// The loopback address, different from that of certctl's listener.
  static let address = "127.0.0.2"

  private let descriptor: Int32
  private let taken = Mutex<[Int32]>([])

  /// Listens on a port of `address`.
  init(port: Int) throws {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    descriptor = socket(AF_INET, kind, 0)
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(4))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr(Self.address)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0
      }
    }
    guard isBound, listen(descriptor, 16) == 0 else {
      throw HarnessError("cannot listen on \(Self.address):\(port): \(errno)")
    }
  }

  deinit {
    for connection in taken.withLock({ $0 }) { close(connection) }
    close(descriptor)
  }

  /// Waits for a connection, which shows that the CA has begun to validate.
  func waitForConnection() async throws {
    try await poll("a connection to the silent listener") {
      let connection = accept(descriptor, nil, nil)
      guard connection >= 0 else { return false }
      taken.withLock { $0.append(connection) }
      return true
    }
  }
}
