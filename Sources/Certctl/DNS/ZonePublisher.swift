/// Lets a provider change one zone at a time, with all that is wanted of it at that moment.
///
/// Many services replace a whole record set, so two changes of one zone side by side lose one of
/// them. And many take all records in one request: what comes while a request is under way goes
/// together in the next one.
actor ZonePublisher {
  private enum Change: Sendable {
    case publish
    case remove
  }

  private struct Entry: Sendable {
    let change: Change
    let records: [ChallengeRecord]
    let continuation: CheckedContinuation<Void, any Error>
  }

  /// Runs a change while no other process changes the zone.
  typealias Alone =
    @Sendable (_ zone: String, _ change: @Sendable () async throws -> Void) async throws -> Void

  private let provider: any DNSProvider
  private let alone: Alone
  private var waiting: [String: [Entry]] = [:]
  private var busy: Set<String> = []

  /// A publisher for one provider with its credentials.
  ///
  /// - Parameters:
  ///   - provider: The provider.
  ///   - alone: Keeps other processes away from a zone meanwhile.
  init(_ provider: any DNSProvider, alone: @escaping Alone = { try await $1() }) {
    self.provider = provider
    self.alone = alone
  }

  /// Adds records, with whatever else waits for the same zone.
  func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await enqueue(.publish, records, zone)
  }

  /// Removes records, with whatever else waits for the same zone.
  func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await enqueue(.remove, records, zone)
  }

  private func enqueue(
    _ change: Change, _ records: [ChallengeRecord], _ zone: String
  ) async throws {
    guard !records.isEmpty else { return }
    try await withCheckedThrowingContinuation { continuation in
      waiting[zone, default: []].append(
        Entry(change: change, records: records, continuation: continuation))
      guard busy.insert(zone).inserted else { return }
      // A task of its own: whoever came first may be cancelled while others wait.
      Task { await drain(zone) }
    }
  }

  private func drain(_ zone: String) async {
    while let batch = nextBatch(of: zone) {
      do {
        try await perform(batch[0].change, batch.flatMap(\.records), zone)
        for entry in batch { entry.continuation.resume() }
      } catch  where batch.count > 1 {
        // Whose record it was is not known: each alone, and only the guilty one fails.
        for entry in batch {
          do {
            try await perform(entry.change, entry.records, zone)
            entry.continuation.resume()
          } catch {
            entry.continuation.resume(throwing: error)
          }
        }
      } catch {
        batch[0].continuation.resume(throwing: error)
      }
    }
    busy.remove(zone)
  }

  /// The longest run of changes of one kind from the front.
  private func nextBatch(of zone: String) -> [Entry]? {
    guard let all = waiting[zone], let first = all.first else {
      waiting[zone] = nil
      return nil
    }
    let batch = Array(all.prefix { $0.change == first.change })
    waiting[zone] = Array(all.dropFirst(batch.count))
    return batch
  }

  private func perform(_ change: Change, _ records: [ChallengeRecord], _ zone: String) async throws
  {
    try await alone(zone) { [provider] in
      switch change {
      case .publish: try await provider.publish(records, in: zone)
      case .remove: try await provider.remove(records, in: zone)
      }
    }
  }
}
