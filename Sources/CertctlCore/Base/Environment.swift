package import CertctlBase
package import CertctlDNSClient
import CertctlHTTP
package import CertctlSystem
import FoundationEssentials

/// The outer world: network, clock, programs, and the console.
package struct Environment: Sendable {
  /// Makes the HTTP client for a CA whose certificate chains to this PEM file (nil: the system's).
  package var http: @Sendable (_ caBundle: String?) throws -> any HTTPClient
  /// The time, and sleeping.
  package var clock: WallClock
  /// The log, and the person who watches.
  package var console: Console
  /// Asks DNS servers.
  package var dns: any DNSClient = NetworkDNSClient()
  /// The resolvers of this host.
  package var resolvers: @Disk @Sendable () -> [Endpoint] = {
    let bytes = RegularFile.read("/etc/resolv.conf") ?? []
    return ResolverFile.servers(in: String(decoding: bytes, as: UTF8.self))
  }
  /// The environment variables, in which settings of DNS providers are looked for.
  package var variables = ProcessInfo.processInfo.environment
  /// Makes the HTTP client that looks at the servers of this machine.
  package var localHTTP: @Sendable () -> any HTTPClient = {
    CurlHTTPClient(
      .init(
        userAgent: "certctl", connectTimeout: .seconds(3), timeout: .seconds(5), usesProxy: false))
  }
  /// Runs programs.
  package var runner: any CommandRunner = ProcessRunner()
  /// Finds the processes of this host whose title begins like this.
  package var findProcesses: @Disk @Sendable (_ title: String) -> [RunningProcess] = {
    ProcessTable.processes(titled: $0)
  }

  /// The HTTP client for a server whose certificate chains to this PEM file (nil: the system's).
  ///
  /// That file decides which servers are trusted. Blocks while it is checked.
  ///
  /// - Throws: `CertctlError` with code `configuration` for a file that others own or can write.
  package func client(caBundle: String?) throws -> any HTTPClient {
    if let caBundle {
      do throws(HostError) {
        try TrustedPath.require(caBundle, .settings)
      } catch {
        throw CertctlError(
          .configuration,
          "the CA bundle \(caBundle) is not used: "
            + (error.detail ?? error.description),
          hint: error.hint
            ?? "copy it to where only root can write, such as /etc/certctl")
      }
    }
    return try http(caBundle)
  }

  /// An outer world whose other parts are those of this host.
  package init(
    http: @escaping @Sendable (_ caBundle: String?) throws -> any HTTPClient,
    clock: WallClock = .system, console: Console = Console()
  ) {
    self.http = http
    self.clock = clock
    self.console = console
  }
}
