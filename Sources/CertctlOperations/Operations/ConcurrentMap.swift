/// Runs `body` for each item concurrently, but never for two items that share a need.
///
/// - Parameters:
///   - items: The items, in order of preference.
///   - limit: The maximum number of concurrent calls; at least one runs.
///   - needs: Returns the resources that an item needs exclusively.
///   - body: The work; failures are part of its result.
/// - Returns: The results in the order of the items.
/// - Throws: `CancellationError` if the task or the work was cancelled.
func concurrentMap<Item: Sendable, Need: Hashable & Sendable, Value: Sendable>(
  _ items: [Item], limit: Int, needs: (Item) -> Set<Need>,
  _ body: @escaping @Sendable (Item) async throws -> Value
) async throws -> [Value] {
  var waiting = items.enumerated().map { (index: $0, item: $1, needs: needs($1)) }
  var inUse: Set<Need> = []
  var running = 0
  var results: [(Int, Value)] = []
  try await withThrowingTaskGroup(of: (Int, Set<Need>, Value).self) { group in
    while !waiting.isEmpty || running > 0 {
      while running < max(1, limit),
        let next = waiting.firstIndex(where: { $0.needs.isDisjoint(with: inUse) })
      {
        let job = waiting.remove(at: next)
        inUse.formUnion(job.needs)
        running += 1
        group.addTask { (job.index, job.needs, try await body(job.item)) }
      }
      guard let (index, needs, value) = try await group.next() else { break }
      running -= 1
      inUse.subtract(needs)
      results.append((index, value))
    }
  }
  return results.sorted { $0.0 < $1.0 }.map(\.1)
}
