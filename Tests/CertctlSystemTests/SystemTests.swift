import CertctlBase
import Glibc
import Testing

@testable import CertctlSystem

@Suite struct SystemTests {
  @Test func `a watched signal is delivered and does not end the process`() async throws {
    let watcher = try SignalWatcher([SIGUSR1])
    #expect(throws: HostError.self) { try SignalWatcher([SIGUSR2]) }
    kill(getpid(), SIGUSR1)
    var first: Int32?
    for await signal in watcher.signals {
      first = signal
      break
    }
    #expect(first == SIGUSR1)
    watcher.stop()
    watcher.stop()
    try SignalWatcher([SIGUSR1]).stop()
  }

  @Test(arguments: [
    ("plain text, ünïcödé 例え", "plain text, ünïcödé 例え"),
    ("\u{1B}[31mred\u{7}", "\\u{1B}[31mred\\u{7}"),
    ("a\r\nb\tc", "a\\r\\nb\\tc"),
    ("\u{9B}2J\u{7F}", "\\u{9B}2J\\u{7F}"),
    ("evil\u{202E}gpj.exe\u{2066}", "evil\\u{202E}gpj.exe\\u{2066}"),
    ("\u{2028}\u{200B}\u{FEFF}", "\\u{2028}\\u{200B}\\u{FEFF}"),
  ])
  func `control characters are escaped for a terminal`(_ text: String, _ escaped: String) {
    #expect(escapedForTerminal(text) == escaped)
  }

  @Test func `the holder of a port is found`() async throws {
    let server = try await HTTPServer.start(endpoints: [loopback]) { _ in .notFound }
    let port = try #require(server.endpoints.first?.port)
    let holder = try #require(PortHolder.find(port: port))
    #expect(holder.pid == getpid())
    #expect(!holder.command.isEmpty)
    await server.stop()
    #expect(PortHolder.find(port: port) == nil)
  }

  @Test func `an error is one sentence and knows whether it is retryable`() {
    let error = HostError(errno: EACCES, operation: "write", subject: "/a/b")
    #expect(error.description == "cannot write /a/b: permission denied")
    #expect(error.code == .permissionDenied)
    #expect(!error.isRetryable)
    // Waiting does not free space on a full disk.
    #expect(!HostError(errno: ENOSPC, operation: "write", subject: nil).isRetryable)
    #expect(HostError(.timedOut, operation: "wait for").isRetryable)
  }
}

let loopback = Endpoint(host: "127.0.0.1", port: 0)
