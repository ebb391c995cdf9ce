internal import CertctlBase
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The limits of a server on the public internet.
package struct ServerLimits: Sendable {
  /// The maximum number of bytes that a connection may send; requests have no body.
  package var maximumReceivedBytes: Int
  /// The maximum number of connections; a further one closes the oldest.
  package var maximumConnections: Int
  /// The time after which an idle connection is closed.
  package var idleTimeout: Duration
  /// The maximum duration of a connection.
  package var totalTimeout: Duration

  /// Creates limits.
  package init(
    maximumReceivedBytes: Int = 8 << 10, maximumConnections: Int = 256,
    idleTimeout: Duration = .seconds(5), totalTimeout: Duration = .seconds(10)
  ) {
    self.maximumReceivedBytes = maximumReceivedBytes
    self.maximumConnections = maximumConnections
    self.idleTimeout = idleTimeout
    self.totalTimeout = totalTimeout
  }
}

/// Listening sockets and their connections, on one thread.
final class Listener: Sendable {
  typealias Setup = @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void

  let endpoints: [Endpoint]
  private let group: MultiThreadedEventLoopGroup
  private let servers: [any Channel]
  private let connections: Connections

  private init(
    _ group: MultiThreadedEventLoopGroup, _ servers: [any Channel], _ connections: Connections,
    _ endpoints: [Endpoint]
  ) {
    self.group = group
    self.servers = servers
    self.connections = connections
    self.endpoints = endpoints
  }

  /// Starts listening on all endpoints.
  ///
  /// An endpoint whose address family this host lacks is skipped if another one remains.
  static func start(
    _ endpoints: [Endpoint], _ limits: ServerLimits, _ setup: @escaping Setup
  ) async throws -> Listener {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let connections = Connections(limits)
    var servers: [any Channel] = []
    var bound: [Endpoint] = []
    var leftOut: HostError?
    do {
      for endpoint in endpoints {
        do throws(HostError) {
          let server = try await bind(endpoint, group, connections, setup)
          servers.append(server)
          bound.append(Endpoint(host: endpoint.host, port: server.localAddress?.port ?? 0))
        } catch {
          guard error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL else {
            throw error
          }
          leftOut = error
        }
      }
      if servers.isEmpty {
        throw leftOut
          ?? HostError(.invalidRequest, operation: "listen", detail: "no address was given")
      }
    } catch {
      for server in servers { try? await server.close().get() }
      try? await group.shutdownGracefully()
      throw error
    }
    return Listener(group, servers, connections, bound)
  }

  /// Closes all sockets and ends the thread; pending responses are cut off.
  func stop() async {
    for server in servers { try? await server.close().get() }
    for connection in connections.all { try? await connection.close().get() }
    try? await group.shutdownGracefully()
  }

  private static func bind(
    _ endpoint: Endpoint, _ group: MultiThreadedEventLoopGroup, _ connections: Connections,
    _ setup: @escaping Setup
  ) async throws(HostError) -> any Channel {
    var bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(ChannelOptions.backlog, value: 128)
      .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try connections.admit(channel)
          try setup(channel.pipeline.syncOperations)
        }
      }
    if endpoint.host.contains(":") {
      // Otherwise "::" would also take the IPv4 port, and "0.0.0.0" would find it in use.
      bootstrap = bootstrap.serverChannelOption(
        ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
    }
    do {
      let address = try SocketAddress(ipAddress: endpoint.host, port: endpoint.port)
      return try await bootstrap.bind(to: address).get()
    } catch let error as IOError {
      let number = error.errnoCode
      // Blocks: the search for the port's holder reads all of /proc.
      throw (try? await Blocking.run { BindFailure.error(errno: number, endpoint) })
        ?? HostError(errno: number, operation: "listen on", subject: "\(endpoint)")
    } catch {
      throw HostError(
        .badName, operation: "listen on", subject: "\(endpoint)", detail: "not an IP address")
    }
  }
}

/// The connections of a listener, oldest first.
private final class Connections: Sendable {
  private let limits: ServerLimits
  private let open = Mutex<[any Channel]>([])

  init(_ limits: ServerLimits) { self.limits = limits }

  var all: [any Channel] { open.withLock { $0 } }

  /// Adds a connection.
  ///
  /// If there are too many, it closes the oldest rather than the newest, so that idle strangers
  /// cannot keep the CA out.
  func admit(_ channel: any Channel) throws {
    try channel.pipeline.syncOperations.addHandlers([
      IdleStateHandler(allTimeout: TimeAmount(limits.idleTimeout)),
      ConnectionGuard(limits),
    ])
    let oldest = open.withLock { open -> (any Channel)? in
      open.append(channel)
      return open.count > limits.maximumConnections ? open.removeFirst() : nil
    }
    oldest?.close(promise: nil)
    channel.closeFuture.whenComplete { [self] _ in
      open.withLock { $0.removeAll { $0 === channel } }
    }
  }
}
