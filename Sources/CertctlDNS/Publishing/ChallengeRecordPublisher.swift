package import ACME
import CertctlBase
package import CertctlCore
package import CertctlStore
import FoundationEssentials
import Synchronization

/// The publisher of a lineage's DNS challenge records: it adds, awaits and removes them.
///
/// Concurrent orders share one publisher, and thereby the known zones and the queue of each zone.
package final class ChallengeRecordPublisher: Sendable {
  private let settings: DNSSettings
  private let context: SolverContext
  private let state = Mutex(State())

  private struct State: Sendable {
    var tools: Task<Tools, any Error>?
    var places: [String: RecordLocation] = [:]
    /// The TTLs of records that the CA may have cached, keyed by the name before any CNAME.
    var seen: [String: [ResolverCacheLedger.Key: UInt32]] = [:]
    /// The tokens of requested records that have not been passed to the provider yet.
    var unasked: Set<String> = []
  }

  /// The objects shared by all orders, created for the first one.
  private struct Tools: Sendable {
    let descriptor: DNSProviderDescriptor
    let publisher: ZonePublisher
    let view: ZoneLocator
  }

  /// A challenge with the name of its record.
  package struct Item: Sendable {
    package let challenge: PresentedChallenge
    /// The key authorization, from which the record's text is derived.
    package let proof: KeyAuthorization
    /// The name of the record, before any CNAME.
    package let name: String

    package init(challenge: PresentedChallenge, proof: KeyAuthorization, name: String) {
      self.challenge = challenge
      self.proof = proof
      self.name = name
    }
  }

  package init(settings: DNSSettings, context: SolverContext) {
    self.settings = settings
    self.context = context
  }

  /// Creates the provider, so that missing settings are reported before an order is placed.
  package func prepare() async throws {
    let tools = try await tools()
    guard !tools.descriptor.needsPerson || context.environment.console.isAttended else {
      throw CertctlError(
        .configuration,
        "--dns \(tools.descriptor.name) requires a terminal, because you create the records",
        hint: "choose a provider from: certctl dns-providers, or use --challenge dns-persist-01, "
          + "which needs a record only once")
    }
  }

  /// Adds the records, all zones concurrently.
  ///
  /// - Throws: `CertctlError` with the names whose zone cannot be found or changed, so that the
  ///   order can continue without them.
  package func publish(_ items: [Item]) async throws {
    let tools = try await tools()
    state.withLock { $0.unasked.formUnion(items.map(\.proof.token)) }
    try await eachZone(try await located(items, tools)) { [self] zone, records in
      state.withLock { $0.unasked.subtract(records.map(\.token)) }
      do {
        try await tools.publisher.publish(records, in: zone.name)
      } catch {
        let tokens = Set(records.map(\.token))
        throw Self.failure(error, of: items.filter { tokens.contains($0.proof.token) })
      }
    }
  }

  /// Returns a failure with the names that it affects.
  private static func failure(_ error: any Error, of items: [Item]) -> any Error {
    error is CancellationError
      ? error : CertctlError(wrapping: error).about(items.map(\.challenge.orderedName))
  }

  /// Waits until all name servers have the records and no resolver of the CA caches older ones.
  package func waitUntilVisible(_ items: [Item]) async throws {
    let tools = try await tools()
    let records = try await located(items, tools)
    var ttls = try await propagated(records, tools)
    for name in Set(records.values.joined().map(\.name)) where ttls[name] == nil {
      ttls[name] = UInt32(tools.descriptor.ttl)
    }
    guard let memory = context.memory else { return }
    let account = items.first?.challenge.account
    let keys = Dictionary(
      ttls.map { (ResolverCacheLedger.Key(account: account, name: $0), $1) }
    ) { max($0, $1) }
    while let until = try await memory.take(keys) {
      let seconds = until.timeIntervalSince(context.environment.clock.now())
      context.environment.console.progress(.forgetting(Int(seconds.rounded(.up))))
      try await context.environment.clock.sleep(.seconds(max(seconds, 0.05)))
    }
    state.withLock { state in for item in items { state.seen[item.name] = keys } }
  }

  /// Waits for propagation and returns the TTL of each name's records, in seconds.
  private func propagated(
    _ records: [DNSZone: [ChallengeRecord]], _ tools: Tools
  ) async throws -> [String: UInt32] {
    let check = settings.check ?? .servers
    guard check != .none else { return [:] }
    context.environment.console.progress(.propagating(records.values.map(\.count).reduce(0, +)))
    let propagation = Propagation(
      client: tools.view.client, clock: context.environment.clock,
      limit: settings.timeLimit ?? tools.descriptor.timeLimit, isRecursive: check == .resolver)
    let found = Mutex<[String: UInt32]>([:])
    try await eachZone(records) { zone, records in
      let wanted = Dictionary(grouping: records, by: \.name).map { name, records in
        Propagation.Wanted(name: name, values: Set(records.map(\.value)))
      }
      let watched =
        check == .servers
        ? zone
        : DNSZone(
          name: zone.name,
          servers: tools.view.resolvers.map { NameServer(name: "the resolver", endpoints: [$0]) })
      let ttls = try await propagation.wait(for: wanted.sorted { $0.name < $1.name }, at: watched)
      found.withLock { $0.merge(ttls) { max($0, $1) } }
    }
    return found.withLock { $0 }
  }

  /// Removes the records, and continues if the zone of some of them cannot be found.
  ///
  /// Records of this run that were never passed to the provider are skipped, because they cannot
  /// exist.
  package func remove(_ items: [Item]) async throws {
    let unasked = state.withLock(\.unasked)
    let items = items.filter { !unasked.contains($0.proof.token) }
    guard !items.isEmpty else { return }
    let tools = try await tools()
    let seen = state.withLock { state in
      items.compactMap { state.seen.removeValue(forKey: $0.name) }
    }
    if let memory = context.memory, !seen.isEmpty {
      try? await memory.finish(seen.reduce(into: [:]) { $0.merge($1) { max($0, $1) } })
    }
    var failure: (any Error)?
    var byZone: [DNSZone: [ChallengeRecord]] = [:]
    for item in items {
      do {
        for (zone, records) in try await located([item], tools) {
          byZone[zone, default: []] += records
        }
      } catch {
        failure = error
      }
    }
    do {
      try await eachZone(byZone) { zone, records in
        try await tools.publisher.remove(records, in: zone.name)
      }
    } catch {
      failure = error
    }
    if let failure { throw failure }
  }

  // MARK: - Parts

  private func tools() async throws -> Tools {
    let task = state.withLock { state -> Task<Tools, any Error> in
      if let tools = state.tools { return tools }
      let task = Task { [settings, context] in
        let provider = try await context.provider(settings)
        let view = try await context.view(settings)
        return Tools(
          descriptor: type(of: provider).descriptor,
          publisher: ZonePublisher(provider, alone: context.alone), view: view)
      }
      state.tools = task
      return task
    }
    do {
      return try await task.value
    } catch {
      // A later call may find the settings that were missing.
      state.withLock { if $0.tools == task { $0.tools = nil } }
      throw error
    }
  }

  /// Returns the records grouped by zone; each name is looked up once, all names concurrently.
  private func located(
    _ items: [Item], _ tools: Tools
  ) async throws -> [DNSZone: [ChallengeRecord]] {
    let known = state.withLock(\.places)
    let new = Set(items.map(\.name)).filter { known[$0] == nil }
    let found = try await withThrowingTaskGroup(of: (String, RecordLocation).self) { group in
      for name in new {
        group.addTask {
          do {
            return (name, try await tools.view.place(of: name))
          } catch {
            throw Self.failure(error, of: items.filter { $0.name == name })
          }
        }
      }
      return try await group.reduce(into: known) { $0[$1.0] = $1.1 }
    }
    state.withLock { $0.places.merge(found) { $1 } }
    var byZone: [DNSZone: [ChallengeRecord]] = [:]
    for item in items {
      guard let place = found[item.name] else { continue }
      byZone[place.zone, default: []].append(
        ChallengeRecord(
          name: place.name, value: item.proof.dnsTXTValue,
          domain: item.challenge.identifier.value, token: item.proof.token,
          keyAuthorization: item.proof.string))
    }
    return byZone
  }

  private func eachZone(
    _ byZone: [DNSZone: [ChallengeRecord]],
    _ body: @escaping @Sendable (DNSZone, [ChallengeRecord]) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (zone, records) in byZone { group.addTask { try await body(zone, records) } }
      try await group.waitForAll()
    }
  }
}
