import COpenSSL

/// Sorts out, in a stretch of numbers, those that small primes divide.
///
/// What is looked for is a prime q for which 2q+1 is prime, too; 2q+1 shall be 23 modulo 24, so that
/// 2 generates the subgroup of order q, as OpenSSL wants it (`DH_GENERATOR_2`). So q is 11 modulo 12,
/// and a stretch is the numbers q, q+12, q+24 and so on.
struct DHSieve: Sendable {
  /// How many numbers a stretch has.
  static let length = 1 << 16

  /// What the numbers of a stretch differ by.
  static let step: UInt = 12

  /// A small prime, and what 12 must be multiplied by to give 1 modulo it.
  private struct Divisor {
    var prime: UInt32
    var inverse: UInt32
  }

  private let divisors: [Divisor]

  /// The share of all numbers that stay: the product of 1 - 2/r over the primes r from 3 on, and a
  /// half for the even ones.
  let share: Double

  /// Makes a sieve of the primes up to a limit, which must be below every number that is sieved.
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

  /// One of 1, 13, 25 … is a multiple of 12 plus 1; here the multiple of the prime plus 1 that 12
  /// divides.
  private static func inverseOfStep(_ prime: Int) -> Int {
    let step = Int(DHSieve.step)
    var multiple = 1
    while multiple % step != 0 { multiple += prime }
    return multiple / step
  }

  /// The places in a stretch that may hold what is looked for.
  ///
  /// - Parameters:
  ///   - start: The stretch's first number, 11 modulo 12.
  ///   - isStopped: Asked now and then, because the sieve of a large prime takes seconds.
  /// - Returns: Multiples of 12 to add to it; none when it was stopped.
  func survivors(from start: OpaquePointer, isStopped: () -> Bool = { false }) -> [UInt] {
    var isOut = [Bool](repeating: false, count: DHSieve.length)
    for (index, divisor) in divisors.enumerated() {
      if index & 0xfff == 0, isStopped() { return [] }
      let prime = UInt(divisor.prime)
      let inverse = UInt(divisor.inverse)
      let rest = unsafe BN_mod_word(start, prime)
      // q itself is divided where q = 0 modulo r, and 2q+1 where q = (r-1)/2.
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
