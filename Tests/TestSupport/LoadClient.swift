package import CertctlBase
package import CertctlCrypto
import CertctlSystem
import Synchronization

/// Clients that ask a TLS server without pause for as long as something else happens, and count what
/// goes wrong.
///
/// Some open a connection for each request; the others keep theirs. Each is a thread with a blocking
/// socket, so that nothing of ours stands between nginx and the count.
package struct LoadClient: Sendable {
  package var endpoint: Endpoint
  package var serverName: String
  package var trust: TrustStore
  /// How many open a connection for each request.
  package var fresh = 16
  /// How many keep their connection.
  package var kept = 16
  /// The pause between two requests of a client.
  package var pause = Duration.milliseconds(20)

  package init(endpoint: Endpoint, serverName: String, trust: TrustStore) {
    self.endpoint = endpoint
    self.serverName = serverName
    self.trust = trust
  }

  /// What happened.
  package struct Counts: Sendable, CustomStringConvertible {
    package var requests = 0
    package var handshakes = 0
    package var failedConnects = 0
    package var failedHandshakes = 0
    /// Requests on a connection of their own that got no whole answer with status 200.
    package var failedFresh = 0
    /// The same on a connection that had answered before, once the answer had begun.
    package var failedKept = 0
    /// Connections that had answered before, and that the server closed while they were idle; the
    /// client saw it before it asked again.
    package var closedIdle = 0
    /// The same, but the server closed as the request went out: it got no byte of an answer.
    package var races = 0
    /// The leaves that were served, in the order of their first sight.
    package var leaves: [Certificate] = []
    /// The first errors in words.
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
  /// - Returns: The counts, after the last request has its answer, and what `body` returned.
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

  /// One request on a connection that is kept.
  ///
  /// - Returns: Whether another one can follow.
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

  /// A connection after its handshake; what fails is counted.
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
