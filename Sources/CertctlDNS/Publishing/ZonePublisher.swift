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
    let id: Int
    let change: Change
    let records: [ChallengeRecord]
    let continuation: CheckedContinuation<Void, any Error>
  }

  /// What is being done to a zone, and for whom.
  private struct Work {
    var task: Task<Void, any Error>?
    var ids: Set<Int> = []
  }

  /// Runs a change while no other process changes the zone.
  typealias Alone =
    @Sendable (_ zone: String, _ change: @Sendable () async throws -> Void) async throws -> Void

  private let provider: any DNSProvider
  private let alone: Alone
  private let didQueue: @Sendable (_ count: Int) -> Void
  private var waiting: [String: [Entry]] = [:]
  private var running: [String: Work] = [:]
  private var lastID = 0

  /// A publisher for one provider with its credentials.
  ///
  /// - Parameters:
  ///   - provider: The provider.
  ///   - alone: Keeps other processes away from a zone meanwhile.
  ///   - didQueue: Called when a change has to wait for its zone, with the number of those that wait.
  init(
    _ provider: any DNSProvider, alone: @escaping Alone = { try await $1() },
    didQueue: @escaping @Sendable (_ count: Int) -> Void = { _ in }
  ) {
    self.provider = provider
    self.alone = alone
    self.didQueue = didQueue
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
    lastID += 1
    let id = lastID
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        waiting[zone, default: []].append(
          Entry(id: id, change: change, records: records, continuation: continuation))
        guard running[zone] == nil else { return didQueue(waiting[zone]?.count ?? 0) }
        running[zone] = Work()
        // A task of its own: whoever came first may be cancelled while others wait.
        Task { await drain(zone) }
      }
    } onCancel: {
      Task { await self.cancel(id, zone) }
    }
  }

  /// Lets go of one who waits; what is under way ends when nobody wants it any more.
  private func cancel(_ id: Int, _ zone: String) {
    if let index = waiting[zone]?.firstIndex(where: { $0.id == id }),
      let entry = waiting[zone]?.remove(at: index)
    {
      return entry.continuation.resume(throwing: CancellationError())
    }
    guard running[zone]?.ids.remove(id) != nil, running[zone]?.ids.isEmpty == true else { return }
    running[zone]?.task?.cancel()
  }

  private func drain(_ zone: String) async {
    while let batch = nextBatch(of: zone) {
      do {
        try await perform(batch, zone)
        for entry in batch { entry.continuation.resume() }
      } catch  where batch.count > 1 && !(error is CancellationError) {
        // Whose record it was is not known: each alone, and only the guilty one fails.
        for entry in batch {
          do {
            try await perform([entry], zone)
            entry.continuation.resume()
          } catch {
            entry.continuation.resume(throwing: error)
          }
        }
      } catch {
        for entry in batch { entry.continuation.resume(throwing: error) }
      }
    }
    running[zone] = nil
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

  private func perform(_ batch: [Entry], _ zone: String) async throws {
    let (provider, alone) = (provider, alone)
    let change = batch[0].change
    let records = batch.flatMap(\.records)
    let task = Task {
      try await alone(zone) {
        switch change {
        case .publish: try await provider.publish(records, in: zone)
        case .remove: try await provider.remove(records, in: zone)
        }
      }
    }
    running[zone] = Work(task: task, ids: Set(batch.map(\.id)))
    try await task.value
  }
}
