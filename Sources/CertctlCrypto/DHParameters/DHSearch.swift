import COpenSSL
import Synchronization

/// A search for a new safe prime, in any number of threads.
///
/// Each thread calls `work()`, which blocks until one of them has found a prime or `stop()` is
/// called. A thread takes a random interval, removes candidates with a sieve, tests each of the
/// rest with one power of 2, and verifies a candidate that passes. The prime depends on no external
/// input, so nobody can know it in advance.
package final class DHSearch: Sendable {
  private static let operation = "search for a safe prime"

  /// The size of the prime in bits.
  package let bits: Int

  /// The average number of candidates still to test, at any time: the search has no memory.
  package let expectedCandidates: Double

  private let sieve: DHSieve
  private let tried = Atomic(0)
  private let isStopped = Atomic(false)
  private let found = Mutex<DHParameters?>(nil)

  /// Creates a search.
  ///
  /// - Parameter bits: A size that servers accept, 2048 to 8192.
  /// - Throws: `CryptoError` with `.unsupported` for another size.
  package convenience init(bits: Int) throws(CryptoError) {
    guard (DHCheck.smallest...8192).contains(bits) else {
      throw CryptoError(
        .unsupported, operation: DHSearch.operation,
        reasons: ["the size must be 2048 to 8192 bits, not \(bits)"])
    }
    self.init(anyBits: bits)
  }

  /// Creates a search of any size from 64 bits; insecure sizes are for tests.
  init(anyBits bits: Int) {
    self.bits = bits
    // The sieve's cost grows with its limit, that of a candidate with the cube of its size.
    sieve = DHSieve(limit: max(256, bits * bits / 16))
    // Hardy and Littlewood: the density of primes q for which 2q+1 is prime is 2C / (ln q ln 2q).
    let twinPrimeConstant = 0.660_161_815_846_87
    let logarithm = Double(bits) * 0.693_147_180_559_945
    let density = 2 * twinPrimeConstant / (logarithm * (logarithm - 0.693_147_180_559_945))
    expectedCandidates = sieve.share / density
  }

  /// The number of candidates tested so far.
  package var candidates: Int { tried.load(ordering: .relaxed) }

  /// The parameters that were found; nil before.
  package var result: DHParameters? { found.withLock { $0 } }

  /// Stops all workers; each returns after its current candidate, within a tenth of a second.
  package func stop() { isStopped.store(true, ordering: .relaxed) }

  /// Searches until a worker has found a prime or the search is stopped.
  ///
  /// - Throws: `CryptoError` when OpenSSL fails; the other workers continue.
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

  /// Chooses a random start with the highest bit set, 11 modulo 12.
  private func moveToRandomStretch(_ start: OpaquePointer) throws(CryptoError) {
    guard unsafe BN_rand(start, Int32(bits - 1), BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 else {
      throw .drained(DHSearch.operation)
    }
    let rest = unsafe BN_mod_word(start, DHSieve.step)
    guard unsafe BN_add_word(start, (11 + DHSieve.step - rest) % DHSieve.step) == 1 else {
      throw .drained(DHSearch.operation)
    }
  }

  /// Tests with one power of 2, which rejects nearly all composites, and verifies what passes.
  private func isSafePrime(
    _ prime: OpaquePointer, half: OpaquePointer
  ) throws(CryptoError) -> Bool {
    // The end of an interval may exceed the size.
    guard unsafe BN_num_bits(prime) == Int32(bits) else { return false }
    // Fermat's little theorem: a prime q divides 2^(q-1) - 1.
    let exponent = try unsafe Owned(BN_dup(half), BN_free, DHSearch.operation)
    guard unsafe BN_sub_word(exponent.pointer, 1) == 1 else { throw .drained(DHSearch.operation) }
    guard try unsafe SafePrime.isPowerOfTwoOne(exponent.pointer, half) else { return false }
    do throws(CryptoError) {
      return try unsafe SafePrime.check(prime) { [self] in isDone }
    } catch {
      // Another worker has found a prime, or the search was stopped.
      if isDone { return false }
      throw error
    }
  }
}
