import COpenSSL

/// The result of checking DH parameters.
package struct DHCheck: Sendable, Hashable {
  /// The minimum size in bits: OpenSSL at Debian's security level refuses smaller primes.
  package static let smallest = 2048

  /// The maximum size in bits: OpenSSL refuses larger primes (`OPENSSL_DH_MAX_MODULUS_BITS`).
  package static let largest = 10000

  /// Whether p is a safe prime: p and (p-1)/2 are prime; nil when the size alone decided.
  package var isSafePrime: Bool?

  /// The reasons not to use the parameters, each a sentence without a full stop.
  package var problems: [String] = []

  /// The harmless shortcomings.
  package var remarks: [String] = []

  /// Whether a server can use the parameters.
  package var isFine: Bool { problems.isEmpty }
}

extension DHParameters {
  /// Checks the size, the prime and the generator.
  ///
  /// This blocks for up to a minute if the group is not a published one: do not call it on the
  /// cooperative thread pool. If the size is refused, nothing else is checked.
  ///
  /// - Parameter isCancelled: Called repeatedly; returns true to cancel the check.
  /// - Returns: The findings.
  /// - Throws: `CryptoError`, also when the check was cancelled.
  package func check(
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(CryptoError) -> DHCheck {
    var check = DHCheck()
    guard bits <= DHCheck.largest else {
      check.problems.append(
        "the prime has \(bits) bits; OpenSSL accepts at most \(DHCheck.largest)")
      return check
    }
    if bits < DHCheck.smallest {
      check.problems.append(
        "the prime has \(bits) bits; OpenSSL and nginx require at least \(DHCheck.smallest)"
      )
    }
    let operation = "check the DH parameters"
    let prime = try BigNumber.make(prime, operation)
    // Published as safe primes in RFC 7919 and RFC 3526. The primes of RFC 5114 are not safe.
    let isKnown = group.map { $0.hasPrefix("ffdhe") || $0.hasPrefix("modp_") } ?? false
    var isSafe = isKnown
    if !isSafe { isSafe = try unsafe SafePrime.check(prime.pointer, isCancelled: isCancelled) }
    check.isSafePrime = isSafe
    guard isSafe else {
      check.problems.append(
        group.map { "\($0) (RFC 5114) is not a safe prime" }
          ?? "the prime is not a safe prime: p or (p-1)/2 is composite")
      return check
    }
    try judgeGenerator(prime, &check)
    return check
  }

  private func judgeGenerator(
    _ prime: borrowing Owned, _ check: inout DHCheck
  ) throws(CryptoError) {
    let operation = "check the DH parameters"
    let generator = try BigNumber.make(generator, operation)
    let last = try unsafe Owned(BN_dup(prime.pointer), BN_free, operation)
    guard unsafe BN_sub_word(last.pointer, 1) == 1 else { throw .drained(operation) }
    guard unsafe BN_cmp(generator.pointer, BN_value_one()) > 0,
      unsafe BN_cmp(generator.pointer, last.pointer) < 0
    else {
      check.problems.append("the generator is not between 2 and p-2")
      return
    }
    let context = try unsafe Owned(BN_CTX_new(), BN_CTX_free, operation)
    let symbol = unsafe BN_kronecker(generator.pointer, prime.pointer, context.pointer)
    guard symbol >= -1 else { throw .drained(operation) }
    if symbol == -1 {
      check.remarks.append(
        "the generator generates the whole group, which reveals one bit of each secret")
    }
  }
}

/// Primes p for which (p-1)/2 is also prime.
enum SafePrime {
  private static let operation = "search for a safe prime"

  /// Returns whether a number is a safe prime.
  ///
  /// The probability of an error is below 2^-128, even for an adversarial number.
  ///
  /// q = (p-1)/2 passes at least 64 rounds of Miller-Rabin. Then Pocklington's theorem with the
  /// base 2 proves p: 2^(p-1) is 1 modulo p, 2^2 - 1 and p have no common factor, and q is a prime
  /// larger than the square root of p.
  static func check(
    _ prime: OpaquePointer, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(CryptoError) -> Bool {
    // This excludes 5 and 7, safe primes that are too small to be useful.
    guard unsafe BN_num_bits(prime) > 3, unsafe BN_is_odd(prime) == 1,
      unsafe BN_mod_word(prime, 3) != 0
    else { return false }
    let half = try unsafe Owned(BN_dup(prime), BN_free, operation)
    guard unsafe BN_rshift1(half.pointer, half.pointer) == 1 else { throw .drained(operation) }
    // One power of 2 finds most composites.
    guard try unsafe isPowerOfTwoOne(half.pointer, prime) else { return false }
    return try unsafe isPrime(half.pointer, isCancelled)
  }

  /// Returns whether 2^exponent is 1 or -1 modulo an odd modulus.
  static func isPowerOfTwoOne(
    _ exponent: OpaquePointer, _ modulus: OpaquePointer
  ) throws(CryptoError) -> Bool {
    let power = try BigNumber.zero(operation)
    let context = try unsafe Owned(BN_CTX_new(), BN_CTX_free, operation)
    guard
      unsafe BN_mod_exp_mont_word(power.pointer, 2, exponent, modulus, context.pointer, nil) == 1
    else { throw .drained(operation) }
    if unsafe BN_is_one(power.pointer) == 1 { return true }
    guard unsafe BN_add_word(power.pointer, 1) == 1 else { throw .drained(operation) }
    return unsafe BN_cmp(power.pointer, modulus) == 0
  }

  /// OpenSSL's primality test, which can be cancelled between its rounds.
  static func isPrime(
    _ number: OpaquePointer, _ isCancelled: @escaping @Sendable () -> Bool
  ) throws(CryptoError) -> Bool {
    let context = try unsafe Owned(BN_CTX_new(), BN_CTX_free, operation)
    let callback = try unsafe Owned(BN_GENCB_new(), BN_GENCB_free, operation)
    let question = Question(isCancelled)
    return try withExtendedLifetime(question) { () throws(CryptoError) -> Bool in
      unsafe BN_GENCB_set(
        callback.pointer,
        { _, _, callback in
          guard let argument = unsafe BN_GENCB_get_arg(callback) else { return 1 }
          return unsafe Unmanaged<Question>.fromOpaque(argument).takeUnretainedValue().isCancelled()
            ? 0 : 1
        }, Unmanaged.passUnretained(question).toOpaque())
      ErrorQueue.clear()
      let answer = unsafe BN_check_prime(number, context.pointer, callback.pointer)
      if isCancelled() {
        ErrorQueue.clear()
        throw CryptoError(.openSSL, operation: operation, reasons: ["cancelled"])
      }
      guard answer >= 0 else { throw .drained(operation) }
      return answer == 1
    }
  }

  private final class Question: Sendable {
    let isCancelled: @Sendable () -> Bool
    init(_ isCancelled: @escaping @Sendable () -> Bool) { self.isCancelled = isCancelled }
  }
}
