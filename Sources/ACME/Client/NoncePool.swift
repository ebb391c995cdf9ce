internal import Synchronization

/// Nonces that the CA has given and that have not been used (RFC 8555 section 6.5).
///
/// Last in, first out: the freshest is the least likely to have gone stale, and the one that comes
/// with a refusal is exactly the one that the repeated request takes.
final class NoncePool: Sendable {
  /// More than that many requests are never under way at a time.
  static let limit = 64

  private let nonces = Mutex<[String]>([])

  /// Keeps a nonce, unless it is malformed: those must be ignored (section 6.5.1).
  func add(_ nonce: String?) {
    guard let nonce = nonce?.trimmed, nonce.utf8.count <= 1024, Base64URL.isAlphabet(nonce) else {
      return
    }
    nonces.withLock {
      if $0.count >= Self.limit { $0.removeFirst() }
      $0.append(nonce)
    }
  }

  /// Takes the freshest nonce.
  func take() -> String? { nonces.withLock { $0.popLast() } }
}
