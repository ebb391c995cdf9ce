import ACME
import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

/// The rate-limit ledger on disk, `cache/ledger.json`, which all processes share.
///
/// It is a courtesy towards CAs, and nothing depends on it. A damaged ledger is replaced by an
/// empty one, and write errors are only logged.
struct LedgerStore: Sendable {
  /// How long to wait for other processes that write it; each takes milliseconds.
  private static let lockTimeout = Duration.seconds(30)

  let state: StateDirectory
  let clock: WallClock
  let logger: Logger
  /// Receives warnings for the user.
  let warn: @Sendable (String) -> Void

  /// Counts an order that is about to be placed.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - heedsLimits: Whether a limit may forbid it; if not, it is counted anyway.
  /// - Throws: `CertctlError` with code `postponed` if it would exceed a limit of the CA.
  func reserve(_ order: OrderUsage, heedsLimits: Bool) async throws {
    let limits = RateLimits.known(for: order.directory)
    guard limits != .none else { return }
    if let note = await Self.noteOfGuessing() { warn(note) }
    let now = clock.now()
    let answer = try await update { ledger in
      let answer = ledger.answer(to: order, limits: limits, now: now)
      if answer == .allowed || !heedsLimits { ledger.notePlaced(order, limits: limits, now: now) }
      return answer
    }
    guard heedsLimits, case .wait(let until, let reason) = answer else { return }
    throw CertctlError(
      .postponed,
      "cannot place the order yet: this machine has used up the CA's rate limit for \(reason)",
      hint: "wait until \(until.rfc3339), or use --force to order anyway",
      isRetryable: true, retryAfter: until)
  }

  /// Records that a counted order yielded no certificate.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - names: The names whose validation failed.
  func noteFailure(of order: OrderUsage, names: [Identifier]) async {
    let limits = RateLimits.known(for: order.directory)
    guard limits != .none else { return }
    let now = clock.now()
    do {
      try await update { $0.noteFailure(of: order, names: names, limits: limits, now: now) }
    } catch {
      logger.warning("the failed order is not counted in the rate-limit ledger: \(error)")
    }
  }

  private func update<T: Sendable>(
    _ change: (inout RateLimitLedger) -> T
  ) async throws -> T {
    let lock = try await state.lock("ledger", wait: Self.lockTimeout, clock: clock)
    defer { lock.release() }
    let file = StateFile<RateLimitLedger>(
      folder: state.folder("cache"), name: "ledger.json", version: RateLimitLedger.formatVersion)
    var ledger = (try? await file.read()) ?? RateLimitLedger()
    let before = ledger
    let result = change(&ledger)
    guard ledger != before else { return result }
    ledger.prune(now: clock.now())
    do { try await file.write(ledger) } catch {
      logger.warning("the rate-limit ledger was not saved: \(error)")
    }
    return result
  }

  /// Returns a warning if registered domains are guessed; the first call reads the suffix list.
  @Disk private static func noteOfGuessing() -> String? {
    RegisteredDomain.noteOfGuessing(PublicSuffixes.shared)
  }
}
