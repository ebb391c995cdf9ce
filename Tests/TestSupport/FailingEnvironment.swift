package import CertctlBase
package import CertctlCore
internal import CertctlDNSClient
internal import FoundationEssentials
internal import Testing

extension Environment {
  /// An environment that fails the test on any use of the network, the clock or sleep.
  ///
  /// A test replaces the parts that its subject needs.
  package static var failing: Environment {
    var environment = Environment(
      http: { _ in
        Issue.record("this test must not use the network")
        throw HarnessError("no network in this test")
      },
      clock: .failing, console: Console(warn: { Issue.record("unexpected warning: \($0)") }))
    // Unit tests must not depend on the machine's processes.
    environment.findProcesses = { _ in [] }
    environment.dns = FailingDNSClient()
    environment.resolvers = { [Endpoint(host: "192.0.2.53", port: 53)] }
    environment.variables = [:]
    return environment
  }

  /// Returns an environment with a fake CA and a test clock; everything else fails the test.
  package static func of(_ ca: FakeCA, _ clock: TestClock) -> Environment {
    var environment = Environment.failing
    environment.http = { _ in ca }
    environment.clock = clock.wall
    return environment
  }
}

/// A DNS client that fails the test on any use.
private struct FailingDNSClient: DNSClient {
  func ask(
    _ name: String, _ type: DNSType, at server: Endpoint, isRecursive: Bool
  ) async throws -> DNSResponse {
    Issue.record("this test must not ask for \(name)")
    throw HarnessError("no DNS in this test")
  }

  func send(_ message: [UInt8], to server: Endpoint) async throws -> [UInt8] {
    Issue.record("this test must not change a zone")
    throw HarnessError("no DNS in this test")
  }
}

extension WallClock {
  /// A clock that fails the test on any use.
  package static var failing: WallClock {
    WallClock(
      now: {
        Issue.record("this test must not look at the clock")
        return Date(timeIntervalSince1970: 0)
      },
      sleep: { _ in
        Issue.record("this test must not sleep")
        throw HarnessError("no sleeping in this test")
      })
  }
}
