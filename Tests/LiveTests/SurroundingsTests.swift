import CertctlBase
import CertctlSystem
import FoundationEssentials
import Glibc
import Synchronization
import TestSupport
import Testing

/// Unusual environments: closed standard streams, a closed output pipe, a proxy that refuses.
@Suite(.timeLimit(.minutes(15)))
struct SurroundingsTests {
  @Test func `closed standard streams are opened on the null device`() async throws {
    try await withTemporaryFolder { folder in
      let port = try FreePort.pick()
      let listener = try SilentListener(port: port)
      let call = try CertctlBinary.locate(stateIn: folder).program([
        "account", "register", "--agree-tos", "--ca", "https://\(SilentListener.address):\(port)/",
      ])
      let shell = Program(
        "sh", ["-c", #"exec "$0" "$@" <&- >&- 2>&-"#, call.executable] + call.arguments,
        environment: call.environment)
      _ = try await shell.run { running in
        try await listener.waitForConnection()
        for number in 0...2 {
          let path = "/proc/\(running.pid)/fd/\(number)"
          #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "/dev/null")
        }
        running.send(SIGKILL)
      }
    }
  }

  @Test(.needsPebble)
  func `a closed output pipe does not stop certctl`() async throws {
    try await LiveHost.run { host in
      let call = host.certctl.program(
        [
          "account", "register", "--agree-tos", "--verbose",
        ] + host.authority)
      let result = try await Program(
        "bash",
        ["-c", #""$0" "$@" 2>&1 | :; exit "${PIPESTATUS[0]}""#, call.executable]
          + call.arguments, environment: call.environment
      ).run()
      #expect(result.exitCode == 0, "\(result)")
    }
  }

  @Test func `a proxy that refuses is reported without a retry`() async throws {
    try await withTemporaryFolder { folder in
      let calls = Mutex(0)
      let proxy = try await ByteServer.start(endpoints: [Endpoint(host: "127.0.0.1", port: 0)]) {
        calls.withLock { $0 += 1 }
        return RefusingProxy()
      }
      let port = try #require(proxy.endpoints.first?.port)
      let result = try await CertctlBinary.locate(stateIn: folder).run(
        ["account", "register", "--agree-tos", "--ca", "https://ca.example/dir"],
        environment: ["https_proxy": "http://127.0.0.1:\(port)"])
      await proxy.stop()
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("response 407"), "\(result)")
      #expect(result.standardError.contains("hint: check the proxy in https_proxy"), "\(result)")
      #expect(calls.withLock { $0 } == 1)
    }
  }
}

private final class RefusingProxy: ByteSession {
  func receive(_ bytes: [UInt8]) -> ByteSessionReply {
    let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    return ByteSessionReply(send: Array(answer.utf8), close: true)
  }
}
