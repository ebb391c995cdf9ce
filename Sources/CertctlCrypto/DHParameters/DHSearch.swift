import COpenSSL
import Synchronization

/// A search for a fresh safe prime, by as many threads as want to help.
///
/// Each calls `work()`, which blocks until one of them has found a prime or `stop()` is called. Stretches
/// of numbers start at random places; what a sieve leaves of them is tried by one power of 2 each, and
/// what passes is proved. Nothing is ever taken from the outside, so nobody can know the prime before.
package final class DHSearch: Sendable {
  private static let operation = "look for a safe prime"

  /// The size of the prime.
  package let bits: Int

  /// How many candidates it takes on average, when the first of them is tried and at any time after:
  /// the search has no memory.
  package let expectedCandidates: Double

  private let sieve: DHSieve
  private let tried = Atomic(0)
  private let isStopped = Atomic(false)
  private let found = Mutex<DHParameters?>(nil)

  /// Prepares a search.
  ///
  /// - Parameter bits: A size that servers take, 2048 to 8192.
  /// - Throws: `CryptoError` with `.unsupported` for another size.
  package convenience init(bits: Int) throws(CryptoError) {
    guard (DHCheck.smallest...8192).contains(bits) else {
      throw CryptoError(
        .unsupported, operation: DHSearch.operation,
        reasons: ["its size must be 2048 to 8192 bits, not \(bits)"])
    }
    self.init(anyBits: bits)
  }

  /// Prepares a search, for tests also of a size that nobody should use; at least 64.
  init(anyBits bits: Int) {
    self.bits = bits
    // The sieve's costs grow with its limit, those of a candidate with the cube of its size.
    sieve = DHSieve(limit: max(256, bits * bits / 16))
    // Hardy and Littlewood: the density of the q for which 2q+1 is prime, too, is 2C / (ln q ln 2q).
    let twinPrimeConstant = 0.660_161_815_846_87
    let logarithm = Double(bits) * 0.693_147_180_559_945
    let density = 2 * twinPrimeConstant / (logarithm * (logarithm - 0.693_147_180_559_945))
    expectedCandidates = sieve.share / density
  }

  /// How many candidates have been tried up to now.
  package var candidates: Int { tried.load(ordering: .relaxed) }

  /// What was found.
  package var result: DHParameters? { found.withLock { $0 } }

  /// Calls all workers off; each ends after its candidate, within a tenth of a second.
  package func stop() { isStopped.store(true, ordering: .relaxed) }

  /// Searches until somebody has found a prime or the search is called off.
  ///
  /// - Throws: `CryptoError` when OpenSSL fails; the others then go on.
  package func work() throws(CryptoError) {
    let start = try BigNumber.zero(DHSearch.operation)
    let candidate = try BigNumber.zero(DHSearch.operation)
    let prime = try BigNumber.zero(DHSearch.operation)
    while !isDone {
      try unsafe moveToRandomStretch(start.pointer)
      for offset in unsafe sieve.survivors(from: start.pointer, isStopped: { isDone })
      where !isDone {
        guard unsafe BN_copy(candidate.pointer, start.pointer) != nil,
          unsafe BN_add_word(candidate.pointer, offset) == 1,
          unsafe BN_lshift1(prime.pointer, candidate.pointer) == 1,
          unsafe BN_add_word(prime.pointer, 1) == 1
        else { throw .drained(DHSearch.operation) }
        let isPrime = try unsafe isSafePrime(prime.pointer, half: candidate.pointer)
        tried.add(1, ordering: .relaxed)
        guard isPrime else { continue }
        let parameters = try unsafe DHParameters(safePrime: prime.pointer)
        found.withLock { $0 = $0 ?? parameters }
        stop()
      }
    }
  }

  private var isDone: Bool { isStopped.load(ordering: .relaxed) }

  /// A random start with the highest bit set, 11 modulo 12.
  private func moveToRandomStretch(_ start: OpaquePointer) throws(CryptoError) {
    guard unsafe BN_rand(start, Int32(bits - 1), BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 else {
      throw .drained(DHSearch.operation)
    }
    let rest = unsafe BN_mod_word(start, DHSieve.step)
    guard unsafe BN_add_word(start, (11 + DHSieve.step - rest) % DHSieve.step) == 1 else {
      throw .drained(DHSearch.operation)
    }
  }

  /// One power of 2 decides nearly always; what passes it is proved.
  private func isSafePrime(
    _ prime: OpaquePointer, half: OpaquePointer
  ) throws(CryptoError) -> Bool {
    // The end of a stretch may lie beyond the size.
    guard unsafe BN_num_bits(prime) == Int32(bits) else { return false }
    // Fermat's little theorem: a prime q divides 2^(q-1) - 1.
    let exponent = try unsafe Owned(BN_dup(half), BN_free, DHSearch.operation)
    guard unsafe BN_sub_word(exponent.pointer, 1) == 1 else { throw .drained(DHSearch.operation) }
    guard try unsafe SafePrime.isPowerOfTwoOne(exponent.pointer, half) else { return false }
    do throws(CryptoError) {
      return try unsafe SafePrime.check(prime) { [self] in isDone }
    } catch {
      // Somebody else was faster, or nobody wants it any more.
      if isDone { return false }
      throw error
    }
  }
}
