package import CertctlBase
package import CertctlStore
import CertctlSystem
import FoundationEssentials

/// What CAs were told to look at, and how long a resolver of theirs may remember what it saw:
/// `cache/dns-answers.json`.
///
/// A second validation of a name within the records' time to live would see the first one's values: a
/// renewal right after an issuance, or two lineages with one name. Whoever comes second waits for the
/// rest of that time. What the file holds is a courtesy: one that is damaged is begun anew.
package struct ResolverCacheLedger: Sendable {
  /// The longest that anybody waits, in seconds; the resolvers of public CAs forget sooner.
  static let longest: TimeInterval = 300
  /// How long a CA may take to look, in seconds, where nobody is left to say when it was done.
  private static let slack: TimeInterval = 10
  /// How long to wait for another process that writes it; each takes milliseconds.
  private static let lockTimeout = Duration.seconds(30)

  package let state: StateDirectory
  package let clock: WallClock

  package init(state: StateDirectory, clock: WallClock) {
    self.state = state
    self.clock = clock
  }

  /// A name, as one CA's resolvers see it.
  struct Key: Sendable, Hashable {
    /// The host of the account's URL, which stands for the CA.
    let authority: String
    /// The record's name.
    let name: String

    var text: String { "\(authority) \(name)" }

    /// The key of a record that is looked at for an account.
    init(account: String?, name: String) {
      authority =
        account.flatMap { $0.split(separator: "/").dropFirst().first }.map(String.init) ?? ""
      self.name = name
    }
  }

  private struct Content: Codable, Sendable {
    static let formatVersion = 1

    var version = Content.formatVersion
    var until: [String: Date] = [:]
  }

  /// Takes the next look at these names, or says when it makes sense.
  ///
  /// - Parameter ttls: The names, and for how many seconds their records may be remembered.
  /// - Returns: The moment from which on all of them are forgotten; nil when they are, and then the
  ///   time of this look counts.
  /// - Throws: What locking fails with, `CancellationError`.
  func take(_ ttls: [Key: UInt32]) async throws -> Date? {
    let now = clock.now()
    return try await update { content in
      content.until = content.until.filter { $0.value > now }
      if let last = ttls.keys.compactMap({ content.until[$0.text] }).max() { return last }
      Self.note(ttls, since: now.addingTimeInterval(Self.slack), in: &content)
      return nil
    }
  }

  /// Notes that the CA has looked for the last time: what it saw is remembered from now at the latest.
  ///
  /// - Parameter ttls: The names, and for how many seconds their records may be remembered.
  /// - Throws: What locking fails with, `CancellationError`.
  func finish(_ ttls: [Key: UInt32]) async throws {
    let now = clock.now()
    try await update { Self.note(ttls, since: now, in: &$0) }
  }

  private static func note(_ ttls: [Key: UInt32], since start: Date, in content: inout Content) {
    for (key, ttl) in ttls {
      // A second more: both sides count whole ones.
      content.until[key.text] = start.addingTimeInterval(min(Double(ttl) + 1, longest))
    }
  }

  private func update<Value: Sendable>(
    _ change: (inout Content) -> Value
  ) async throws -> Value {
    let lock = try await state.lock("dns-answers", wait: Self.lockTimeout, clock: clock)
    defer { lock.release() }
    let file = StateFile<Content>(
      folder: state.folder("cache"), name: "dns-answers.json", version: Content.formatVersion)
    var content = (try? await file.read()) ?? Content()
    let value = change(&content)
    // Without it the next validation may fail, and be repeated.
    try? await file.write(content)
    return value
  }
}
