internal import Synchronization

/// The unused nonces from the CA (RFC 8555 section 6.5).
///
/// Last in, first out: the newest nonce is the least likely to be stale, and a retry uses the nonce
/// that came with the refusal.
final class NoncePool: Sendable {
  /// The maximum number of nonces: there are never more requests at once.
  static let limit = 64

  private let nonces = Mutex<[String]>([])

  /// Adds a nonce; ignores a malformed one (section 6.5.1).
  func add(_ nonce: String?) {
    guard let nonce = nonce?.trimmed, nonce.utf8.count <= 1024, Base64URL.isAlphabet(nonce) else {
      return
    }
    nonces.withLock {
      if $0.count >= Self.limit { $0.removeFirst() }
      $0.append(nonce)
    }
  }

  /// Removes and returns the newest nonce.
  func take() -> String? { nonces.withLock { $0.popLast() } }
}
