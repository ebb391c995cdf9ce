package import CertctlBase
package import CertctlDNSClient
import CertctlHTTP
package import CertctlSystem
import FoundationEssentials

/// The dependencies on the outside: network, clock, programs and console.
package struct Environment: Sendable {
  /// Creates the HTTP client that trusts the CA certificates in a PEM file (nil: the system's).
  package var http: @Sendable (_ caBundle: String?) throws -> any HTTPClient
  /// The clock for times and delays.
  package var clock: WallClock
  /// The log, and messages to a person.
  package var console: Console
  /// Queries DNS servers.
  package var dns: any DNSClient = NetworkDNSClient()
  /// The resolvers of this host.
  package var resolvers: @Disk @Sendable () -> [Endpoint] = {
    let bytes = RegularFile.read("/etc/resolv.conf") ?? []
    return ResolverFile.servers(in: String(decoding: bytes, as: UTF8.self))
  }
  /// The environment variables, which may contain settings of DNS providers.
  package var variables = ProcessInfo.processInfo.environment
  /// Creates the HTTP client for servers on this host.
  package var localHTTP: @Sendable () -> any HTTPClient = {
    CurlHTTPClient(
      .init(
        userAgent: "certctl", connectTimeout: .seconds(3), timeout: .seconds(5), usesProxy: false))
  }
  /// Runs programs.
  package var runner: any CommandRunner = ProcessRunner()
  /// Finds the processes on this host whose title starts with a text.
  package var findProcesses: @Disk @Sendable (_ title: String) -> [RunningProcess] = {
    ProcessTable.processes(titled: $0)
  }

  /// Returns an HTTP client that trusts the CA certificates in a PEM file (nil: the system's).
  ///
  /// Blocks while it checks the file, which must be safe because it determines the trusted servers.
  ///
  /// - Throws: `CertctlError` with code `configuration` for a file that others own or can write.
  package func client(caBundle: String?) throws -> any HTTPClient {
    if let caBundle {
      do throws(HostError) {
        try TrustedPath.require(caBundle, .settings)
      } catch {
        let cause = error.detail ?? error.description
        // A cause about the file itself begins with its path.
        let path = cause.hasPrefix("\(caBundle) ") ? "" : " \(caBundle)"
        throw CertctlError(
          .configuration, "cannot use the CA bundle\(path): \(cause)",
          hint: error.hint
            ?? "copy it to a directory that only root can write to, such as /etc/certctl")
      }
    }
    return try http(caBundle)
  }

  /// Creates an environment with this host's other dependencies.
  package init(
    http: @escaping @Sendable (_ caBundle: String?) throws -> any HTTPClient,
    clock: WallClock = .system, console: Console = Console()
  ) {
    self.http = http
    self.clock = clock
    self.console = console
  }
}
