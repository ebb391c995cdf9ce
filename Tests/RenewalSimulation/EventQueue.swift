/// A priority queue of timer events, earliest first, as a binary heap.
struct EventQueue {
  struct Event {
    /// Seconds from the start of the simulation.
    var time: Double
    /// The host whose timer fires.
    var host: Int
  }

  private var heap: [Event] = []

  mutating func add(_ event: Event) {
    heap.append(event)
    var child = heap.count - 1
    while child > 0, heap[child].time < heap[(child - 1) / 2].time {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func next() -> Event? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child].time < heap[least].time {
        least = child
      }
      if least == parent { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
