import Glibc
import TestSupport
import Testing

/// Two concurrent runs of `certctl issue` for one lineage.
///
/// SIGSTOP stops the first while it holds the lock, so that the second always meets the lock.
@Suite(.timeLimit(.minutes(15)))
struct ConcurrencyTests {
  @Test(.needsPebble)
  func `the second run waits, then finds nothing to do`() async throws {
    try await LiveHost.run { host in
      let first = try await host.issue("example.com", options: ["--verbose"]) { first in
        try await first.waitForOutput("waiting for the CA")
        first.send(SIGSTOP)
        let second = try await host.issue("example.com", options: ["--verbose"]) { second in
          try await second.waitForOutput("waiting for process \(first.pid)")
          #expect(second.isRunning)
          first.send(SIGCONT)
        }
        #expect(second.exitCode == 0, "\(second)")
        #expect(second.standardOutput.hasPrefix("Nothing to do"), "\(second)")
      }
      #expect(first.exitCode == 0, "\(first)")
      #expect(host.pebble.requests.count { $0 == "POST /order-plz" } == 1)
      #expect(host.entries("archive/example.com") == ["0001"])
      #expect(try host.isPair("example.com"))
    }
  }

  @Test(.needsPebble)
  func `with --lock-timeout 0 the second run names the lock holder and exits with 75`() async throws
  {
    try await LiveHost.run { host in
      let first = try await host.issue("example.com", options: ["--verbose"]) { first in
        try await first.waitForOutput("waiting for the CA")
        first.send(SIGSTOP)
        let options = ["--lock-timeout", "0"]
        let second = try await host.issue("example.com", options: options)
        #expect(second.exitCode == 75, "\(second)")
        #expect(second.standardError.contains("\(first.pid)"), "\(second)")
        #expect(second.standardError.contains("certctl issue example.com"), "\(second)")
        let third = try await host.issue("example.com", options: options + ["--json"])
        #expect(third.exitCode == 75, "\(third)")
        let error = try json(third)["error"]
        #expect(error["code"].string == "locked")
        #expect(error["isRetryable"].bool == true)
        first.send(SIGCONT)
      }
      #expect(first.exitCode == 0, "\(first)")
      #expect(host.pebble.requests.count { $0 == "POST /order-plz" } == 1)
    }
  }

  @Test(.needsPebble)
  func `another lineage is not blocked`() async throws {
    try await LiveHost.run { host in
      try await host.account("register", ["--agree-tos"]).requireSuccess("register")
      let port = try FreePort.pick()
      let options = ["--verbose", "--challenge", "tls-alpn-01", "--tls-port", "\(port)"]
      // The CA validates on another port, so this run waits until it is terminated.
      let first = try await host.issue(["example.com"], by: options) { first in
        try await first.waitForOutput("ordering")
        first.send(SIGSTOP)
        let other = try await host.issue("example.org", options: ["--lock-timeout", "0"])
        #expect(other.exitCode == 0, "\(other)")
        first.send(SIGCONT)
        first.send(SIGTERM)
      }
      #expect(first.exitCode != 0)
    }
  }
}
