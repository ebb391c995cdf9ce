import ACME
import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

/// The ledger on disk, `cache/ledger.json`, shared by all processes of a state directory.
///
/// What it holds is a courtesy towards CAs, not a fact that anything depends on: one that is damaged
/// or cannot be written is begun anew.
struct LedgerStore: Sendable {
  /// How long to wait for another process that writes it; each takes milliseconds.
  private static let lockTimeout = Duration.seconds(30)

  let state: StateDirectory
  let clock: WallClock
  let logger: Logger
  /// Told what a person should know although nothing failed.
  let warn: @Sendable (String) -> Void

  /// Counts an order that is about to be placed.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - heedsLimits: Whether a limit may forbid it; it is counted in any case.
  /// - Throws: `CertctlError` with code `postponed` when a limit of the CA would be passed.
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
      .postponed, "the CA's limit on \(reason), as far as it was used from here, is used up",
      hint: "the next order is possible on \(until.rfc3339); --force asks the CA all the same",
      isRetryable: true, retryAfter: until)
  }

  /// Notes that an order that was counted gave no certificate.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - names: The names of which the validation failed.
  func noteFailure(of order: OrderUsage, names: [Identifier]) async {
    let limits = RateLimits.known(for: order.directory)
    guard limits != .none else { return }
    let now = clock.now()
    do {
      try await update { $0.noteFailure(of: order, names: names, limits: limits, now: now) }
    } catch {
      logger.warning("the failure was not counted: \(error)")
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
      logger.warning("the ledger was not written: \(error)")
    }
    return result
  }

  /// The list of suffixes is read at the first look.
  @Disk private static func noteOfGuessing() -> String? {
    RegisteredDomain.noteOfGuessing(PublicSuffixes.shared)
  }
}
