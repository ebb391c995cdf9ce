public import CertctlBase
package import CertctlDNSClient
import CertctlHTTP
import FoundationEssentials
package import HostIO
public import Logging

/// The outer world of a `Manager`: network, clock, log and the person who watches.
public struct Services: Sendable {
  /// Makes the HTTP client for a CA whose certificate chains to this PEM file (nil: the system's).
  public var http: @Sendable (_ caBundle: String?) throws -> any HTTPClient
  /// The time, and sleeping.
  public var clock: WallClock
  /// The log.
  public var logger: Logger
  /// Told what is going on.
  public var progress: @Sendable (Progress) -> Void
  /// Told what a person should know although nothing failed.
  public var warn: @Sendable (String) -> Void
  /// Tells a person what has to be done now, such as records to be made by hand.
  package var tell: @Sendable (String) -> Void = { _ in }
  /// Whether there is a person who sees it.
  package var isAttended = false
  /// Asks DNS servers.
  package var dns: any DNSClient = NetworkDNSClient()
  /// The resolvers of this host; blocks for the time of reading a small file.
  package var resolvers: @Sendable () -> [Endpoint] = {
    let bytes = RegularFile.read("/etc/resolv.conf") ?? []
    return ResolverFile.servers(in: String(decoding: bytes, as: UTF8.self))
  }
  /// The environment, in which settings of DNS providers are looked for.
  package var environment = ProcessInfo.processInfo.environment
  /// Makes the HTTP client that looks at the servers of this machine.
  package var localHTTP: @Sendable () -> any HTTPClient = {
    CurlHTTPClient(
      .init(
        userAgent: "certctl", connectTimeout: .seconds(3), timeout: .seconds(5), usesProxy: false))
  }
  /// Runs programs.
  package var runner: any CommandRunner = ProcessRunner()
  /// Finds the processes of this host that call themselves nginx's master; blocks.
  package var findNginx: @Sendable () -> [RunningProcess] = {
    ProcessTable.processes(titled: RunningNginx.title)
  }

  /// The HTTP client for a server whose certificate chains to this PEM file (nil: the system's).
  ///
  /// That file decides which servers are trusted. Blocks while it is checked.
  ///
  /// - Throws: `CertctlError` with code `configuration` for a file that others own or can write.
  func client(caBundle: String?) throws -> any HTTPClient {
    if let caBundle {
      do throws(HostError) {
        try TrustedPath.require(caBundle, .settings)
      } catch {
        throw CertctlError(
          .configuration,
          "the CA bundle \(escapedForTerminal(caBundle)) is not used: "
            + escapedForTerminal(error.detail ?? error.description),
          hint: error.hint.map(escapedForTerminal)
            ?? "copy it to where only root can write, such as /etc/certctl")
      }
    }
    return try http(caBundle)
  }

  /// Services for a manager.
  public init(
    http: @escaping @Sendable (_ caBundle: String?) throws -> any HTTPClient,
    clock: WallClock = .system,
    logger: Logger = Logger(label: "certctl") { _ in SwiftLogNoOpLogHandler() },
    progress: @escaping @Sendable (Progress) -> Void = { _ in },
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.http = http
    self.clock = clock
    self.logger = logger
    self.progress = progress
    self.warn = warn
  }
}
