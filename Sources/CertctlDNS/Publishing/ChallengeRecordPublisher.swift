package import ACME
import CertctlBase
package import CertctlCore
package import CertctlStore
import FoundationEssentials
import Synchronization

/// The records of a lineage's DNS challenges: where they belong, who makes them, whether they are seen.
///
/// Orders side by side share one, and with it what is known of zones and the queue of each zone.
package final class ChallengeRecordPublisher: Sendable {
  private let settings: DNSSettings
  private let context: SolverContext
  private let state = Mutex(State())

  private struct State: Sendable {
    var tools: Task<Tools, any Error>?
    var places: [String: RecordLocation] = [:]
    /// For how long what the CA was told to look at may be remembered, by the name before any CNAME.
    var seen: [String: [ResolverCacheLedger.Key: UInt32]] = [:]
    /// The tokens whose records were wanted, and no provider was asked for yet.
    var unasked: Set<String> = []
  }

  /// What is made once, when the first order comes.
  private struct Tools: Sendable {
    let descriptor: DNSProviderDescriptor
    let publisher: ZonePublisher
    let view: ZoneLocator
  }

  /// A challenge and the name that it is looked for under.
  package struct Item: Sendable {
    package let challenge: PresentedChallenge
    /// What it presents.
    package let proof: KeyAuthorization
    /// The name before any CNAME.
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

  /// Finds the provider's settings, so that what is missing is found before an order is spent.
  package func prepare() async throws {
    let tools = try await tools()
    guard !tools.descriptor.needsPerson || context.environment.console.isAttended else {
      throw CertctlError(
        .configuration,
        "--dns \(tools.descriptor.name) needs a person who makes the records, and nobody is there",
        hint: "choose a provider that certctl can drive (certctl dns-providers), or "
          + "--challenge dns-persist-01, which needs a record only once")
    }
  }

  /// Makes the records: all zones side by side.
  ///
  /// - Throws: `CertctlError` with the names whose zone cannot be found or changed, so that the others
  ///   can do without them.
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

  /// A failure with the names that it is about.
  private static func failure(_ error: any Error, of items: [Item]) -> any Error {
    error is CancellationError
      ? error : CertctlError(wrapping: error).about(items.map(\.challenge.orderedName))
  }

  /// Returns when all of the zones' servers have the records, and the CA's resolvers may have forgotten
  /// those of an earlier validation.
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

  /// Waits until the records are where they are looked for, and says how long each may be remembered.
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

  /// Takes the records back; those of one zone also where another zone's servers are out of reach.
  ///
  /// What this run wanted and never came to ask for is not there. Of an earlier run nobody knows.
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
      // Whoever comes later may have given what was missing.
      state.withLock { if $0.tools == task { $0.tools = nil } }
      throw error
    }
  }

  /// The records by zone; names are looked up once, side by side.
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
