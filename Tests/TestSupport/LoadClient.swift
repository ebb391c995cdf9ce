package import CertctlBase
package import CertctlCrypto
import CertctlSystem
import Synchronization

/// Clients that send requests to a TLS server during an operation and count failures.
///
/// Some open a connection for each request, the others keep theirs. Each client is a thread with a
/// blocking socket, so that nothing but nginx can cause a failure.
package struct LoadClient: Sendable {
  package var endpoint: Endpoint
  package var serverName: String
  package var trust: TrustStore
  /// The number of clients that open a connection for each request.
  package var fresh = 16
  /// The number of clients that keep their connection.
  package var kept = 16
  /// The pause between two requests of a client.
  package var pause = Duration.milliseconds(20)

  package init(endpoint: Endpoint, serverName: String, trust: TrustStore) {
    self.endpoint = endpoint
    self.serverName = serverName
    self.trust = trust
  }

  /// The counts of a run.
  package struct Counts: Sendable, CustomStringConvertible {
    package var requests = 0
    package var handshakes = 0
    package var failedConnects = 0
    package var failedHandshakes = 0
    /// Requests on a new connection without a complete response of status 200.
    package var failedFresh = 0
    /// Requests on a reused connection that failed after the response had begun.
    package var failedKept = 0
    /// Idle reused connections that the server closed; the client noticed before its next request.
    package var closedIdle = 0
    /// Reused connections that the server closed during a request, before any byte of a response.
    package var races = 0
    /// The leaf certificates served, in order of first appearance.
    package var leaves: [Certificate] = []
    /// The texts of the first errors.
    package var errors: [String] = []

    package var description: String {
      "\(requests) requests, \(handshakes) handshakes with \(leaves.count) certificates; failed: "
        + "\(failedConnects) connects, \(failedHandshakes) handshakes, \(failedFresh) fresh requests, "
        + "\(failedKept) kept requests; "
        + "\(closedIdle) idle connections closed, and \(races) as a request went out"
    }

    fileprivate mutating func note(_ error: any Error, _ count: WritableKeyPath<Counts, Int>) {
      self[keyPath: count] += 1
      if errors.count < 20 { errors.append("\(error)") }
    }
  }

  /// Runs the clients around `body`.
  ///
  /// - Returns: The counts after the last response, and the result of `body`.
  package func run<Result: Sendable>(
    _ body: () async throws -> Result
  ) async throws -> (counts: Counts, result: Result) {
    let state = Load()
    async let freshClients: Void = ParallelSearch.run(threads: fresh) { freshClient(state) }
    async let keptClients: Void = ParallelSearch.run(threads: kept) { keptClient(state) }
    let outcome: Swift.Result<Result, any Error>
    do {
      outcome = .success(try await body())
    } catch {
      outcome = .failure(error)
    }
    state.stop()
    try await freshClients
    try await keptClients
    return (state.counts, try outcome.get())
  }

  private func freshClient(_ load: Load) {
    while load.goesOn {
      if var connection = connect(load) {
        do {
          _ = try connection.ask(serverName, keeps: false)
          load.count { $0.requests += 1 }
        } catch {
          load.count { $0.note(error, \.failedFresh) }
        }
      }
      load.rest(pause)
    }
  }

  private func keptClient(_ load: Load) {
    while load.goesOn {
      guard var connection = connect(load) else {
        load.rest(pause)
        continue
      }
      var isFirst = true
      var isOpen = true
      while isOpen, load.goesOn {
        isOpen = askAgain(&connection, isFirst: isFirst, load)
        isFirst = false
        load.rest(pause)
      }
    }
  }

  /// Sends one request on a kept connection.
  ///
  /// - Returns: Whether the connection can be reused.
  private func askAgain(
    _ connection: inout LoadConnection, isFirst: Bool, _ load: Load
  ) -> Bool {
    do {
      guard try isFirst || !connection.wasClosed() else {
        load.count { $0.closedIdle += 1 }
        return false
      }
      let isOpen = try connection.ask(serverName, keeps: true)
      load.count { $0.requests += 1 }
      return isOpen
    } catch {
      let wasCut = connection.hasAnswerBegun
      load.count { $0.note(error, isFirst ? \.failedFresh : wasCut ? \.failedKept : \.races) }
      return false
    }
  }

  /// Returns a connection after its handshake, or counts the failure and returns nil.
  private func connect(_ load: Load) -> LoadConnection? {
    let socket: LoadSocket
    do {
      socket = try LoadSocket(to: endpoint)
    } catch {
      load.count { $0.note(error, \.failedConnects) }
      return nil
    }
    do {
      let connection = try LoadConnection(socket, serverName: serverName, trust: trust)
      load.count { counts in
        counts.handshakes += 1
        if let leaf = connection.leaf, !counts.leaves.contains(leaf) { counts.leaves.append(leaf) }
      }
      return connection
    } catch {
      load.count { $0.note(error, \.failedHandshakes) }
      return nil
    }
  }
}
