import COpenSSL

/// Removes the multiples of small primes from an interval of candidates.
///
/// The search is for a prime q for which 2q+1 is also prime. 2q+1 must be 23 modulo 24, so that 2
/// generates the subgroup of order q, as OpenSSL requires (`DH_GENERATOR_2`). So q is 11 modulo 12,
/// and an interval consists of the numbers q, q+12, q+24 and so on.
struct DHSieve: Sendable {
  /// The number of candidates in an interval.
  static let length = 1 << 16

  /// The difference between consecutive candidates.
  static let step: UInt = 12

  /// A small prime, and the inverse of 12 modulo it.
  private struct Divisor {
    var prime: UInt32
    var inverse: UInt32
  }

  private let divisors: [Divisor]

  /// The share of all integers that remains: the product of 1 - 2/r over the primes r from 3 on,
  /// and one half for the even numbers.
  let share: Double

  /// Creates a sieve of the primes up to a limit, which must be below all candidates.
  init(limit: Int) {
    var isComposite = [Bool](repeating: false, count: limit + 1)
    var divisors: [Divisor] = []
    var share = 0.5 * (1 - 2.0 / 3)
    var number = 2
    while number <= limit {
      if !isComposite[number] {
        var multiple = number * number
        while multiple <= limit {
          isComposite[multiple] = true
          multiple += number
        }
        if number >= 5 {
          divisors.append(
            Divisor(prime: UInt32(number), inverse: UInt32(DHSieve.inverseOfStep(number))))
          share *= 1 - 2 / Double(number)
        }
      }
      number += 1
    }
    self.divisors = divisors
    self.share = share
  }

  /// The inverse of 12 modulo a prime: finds a multiple of the prime plus 1 that 12 divides.
  private static func inverseOfStep(_ prime: Int) -> Int {
    let step = Int(DHSieve.step)
    var multiple = 1
    while multiple % step != 0 { multiple += prime }
    return multiple / step
  }

  /// Returns the candidates in an interval that no small prime divides.
  ///
  /// - Parameters:
  ///   - start: The interval's first number, 11 modulo 12.
  ///   - isStopped: Called repeatedly, because the sieve of a large prime takes seconds.
  /// - Returns: The offsets from `start`, multiples of 12; empty if it was stopped.
  func survivors(from start: OpaquePointer, isStopped: () -> Bool = { false }) -> [UInt] {
    var isOut = [Bool](repeating: false, count: DHSieve.length)
    for (index, divisor) in divisors.enumerated() {
      if index & 0xfff == 0, isStopped() { return [] }
      let prime = UInt(divisor.prime)
      let inverse = UInt(divisor.inverse)
      let rest = unsafe BN_mod_word(start, prime)
      // r divides q where q = 0 modulo r, and 2q+1 where q = (r-1)/2.
      for target in [0, (prime - 1) / 2] {
        var place = Int((target + prime - rest) % prime * inverse % prime)
        while place < DHSieve.length {
          isOut[place] = true
          place += Int(prime)
        }
      }
    }
    return isOut.indices.filter { !isOut[$0] }.map { UInt($0) * DHSieve.step }
  }
}
