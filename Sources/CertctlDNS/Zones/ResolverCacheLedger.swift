package import CertctlBase
package import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The record of names that the CAs' resolvers may have cached: `cache/dns-answers.json`.
///
/// A second validation of a name within the TTL of its records would see the old values, for
/// example when a renewal follows an issuance, or when two lineages share a name. The second one
/// therefore waits for the rest of the TTL. The file is not essential: a damaged one is replaced.
package struct ResolverCacheLedger: Sendable {
  /// The maximum wait in seconds; the resolvers of public CAs cache for a shorter time.
  static let longest: TimeInterval = 300
  /// The assumed duration of a validation in seconds, in case this process never notes its end.
  private static let slack: TimeInterval = 10
  /// The time limit of the lock; other processes hold it for milliseconds.
  private static let lockTimeout = Duration.seconds(30)

  package let state: StateDirectory
  package let clock: WallClock

  package init(state: StateDirectory, clock: WallClock) {
    self.state = state
    self.clock = clock
  }

  /// A name in the cache of one CA's resolvers.
  struct Key: Sendable, Hashable {
    /// The host of the account URL, which identifies the CA.
    let authority: String
    /// The name of the record.
    let name: String

    var text: String { "\(authority) \(name)" }

    /// Creates the key of a record that the CA of an account validates.
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

  /// Begins a validation of these names, or returns the time to wait for.
  ///
  /// - Parameter ttls: The names, with the TTLs of their records in seconds.
  /// - Returns: The moment at which all cached values have expired; nil if they have, in which case
  ///   this validation is noted.
  /// - Throws: The errors of the lock, `CancellationError`.
  func take(_ ttls: [Key: UInt32]) async throws -> Date? {
    let now = clock.now()
    return try await update { content in
      content.until = content.until.filter { $0.value > now }
      if let last = ttls.keys.compactMap({ content.until[$0.text] }).max() { return last }
      Self.note(ttls, since: now.addingTimeInterval(Self.slack), in: &content)
      return nil
    }
  }

  /// Notes the end of a validation: the CA has cached no record later than now.
  ///
  /// - Parameter ttls: The names, with the TTLs of their records in seconds.
  /// - Throws: The errors of the lock, `CancellationError`.
  func finish(_ ttls: [Key: UInt32]) async throws {
    let now = clock.now()
    try await update { Self.note(ttls, since: now, in: &$0) }
  }

  private static func note(_ ttls: [Key: UInt32], since start: Date, in content: inout Content) {
    for (key, ttl) in ttls {
      // One more second, because both sides count whole seconds.
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
    // If writing fails, the next validation may fail too, but it is repeated.
    try? await file.write(content)
    return value
  }
}
