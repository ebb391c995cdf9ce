/// A queue of changes for each zone, so that a provider makes one change per zone at a time.
///
/// Many services replace whole record sets, so one of two concurrent changes would be lost. Many
/// also accept all records in one request, so changes that arrive during a request are combined in
/// the next.
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

  /// The running change of a zone, and the ids of its entries.
  private struct Work {
    var task: Task<Void, any Error>?
    var ids: Set<Int> = []
  }

  /// A function that runs a change while no other process changes the zone.
  typealias Alone =
    @Sendable (_ zone: String, _ change: @Sendable () async throws -> Void) async throws -> Void

  private let provider: any DNSProvider
  private let alone: Alone
  private let didQueue: @Sendable (_ count: Int) -> Void
  private var waiting: [String: [Entry]] = [:]
  private var running: [String: Work] = [:]
  private var lastID = 0

  /// Creates a publisher for a provider.
  ///
  /// - Parameters:
  ///   - provider: The provider, with its credentials.
  ///   - alone: Runs a change while no other process changes the zone.
  ///   - didQueue: Called when a change has to wait for its zone, with the number of waiting
  ///     changes.
  init(
    _ provider: any DNSProvider, alone: @escaping Alone = { try await $1() },
    didQueue: @escaping @Sendable (_ count: Int) -> Void = { _ in }
  ) {
    self.provider = provider
    self.alone = alone
    self.didQueue = didQueue
  }

  /// Adds records, together with other waiting additions to the same zone.
  func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await enqueue(.publish, records, zone)
  }

  /// Removes records, together with other waiting removals from the same zone.
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
        // A separate task, because the first caller may be cancelled while others wait.
        Task { await drain(zone) }
      }
    } onCancel: {
      Task { await self.cancel(id, zone) }
    }
  }

  /// Cancels a waiting entry; a running change is cancelled with its last entry.
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
        // It is unknown which record caused the failure, so each entry is retried separately.
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

  /// Removes and returns the longest run of changes of the same kind from the front of the queue.
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
