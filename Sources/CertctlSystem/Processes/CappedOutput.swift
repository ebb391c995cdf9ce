/// The beginning and the end of a byte stream of any length.
struct CappedOutput: Sendable {
  private let headLimit: Int
  private let tailLimit: Int
  private var head: [UInt8] = []
  private var tail: [UInt8] = []
  private var dropped = 0

  /// Keeps `limit` bytes: a quarter from the beginning, the rest from the end, where errors usually
  /// are.
  init(limit: Int) {
    headLimit = limit / 4
    tailLimit = limit - limit / 4
  }

  mutating func append(_ bytes: [UInt8]) {
    let room = headLimit - head.count
    head += bytes.prefix(room)
    tail += bytes.dropFirst(room)
    // Cut in large steps, so that each byte is moved once on average.
    if tail.count > 2 * tailLimit { cut() }
  }

  private mutating func cut() {
    guard tail.count > tailLimit else { return }
    dropped += tail.count - tailLimit
    tail.removeFirst(tail.count - tailLimit)
  }

  /// The text; invalid UTF-8 is replaced.
  var text: String {
    var whole = self
    whole.cut()
    guard whole.dropped > 0 else { return String(decoding: whole.head + whole.tail, as: UTF8.self) }
    return String(decoding: whole.head, as: UTF8.self)
      + "\n[... \(whole.dropped) bytes omitted ...]\n"
      + String(decoding: whole.tail, as: UTF8.self)
  }
}
