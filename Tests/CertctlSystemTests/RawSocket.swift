import CertctlBase
import CertctlSystem
import Glibc

/// A blocking TCP client that sends exactly the given bytes.
final class RawSocket: Sendable {
  private let raw: Int32

  init(port: Int) throws {
    raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        connect(raw, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else {
      throw HostError(.connectFailed, operation: "connect to", subject: "port \(port)")
    }
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(raw) }

  /// Sends bytes; returns false if the other side has closed.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes {
      Glibc.send(raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
      == bytes.count
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  /// Closes the sending half.
  func finish() { shutdown(raw, Int32(SHUT_WR)) }

  /// Reads until the other side closes.
  func readAll() -> String {
    var all: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = chunk.withUnsafeMutableBytes { recv(raw, $0.baseAddress, $0.count, 0) }
      if count <= 0 { return String(decoding: all, as: UTF8.self) }
      all += chunk[..<count]
    }
  }

  /// Sends one request and returns everything received until the server closes.
  static func ask(_ port: Int, _ text: String) async throws -> String {
    try await Blocking.run {
      let socket = try RawSocket(port: port)
      socket.send(text)
      return socket.readAll()
    }
  }
}
