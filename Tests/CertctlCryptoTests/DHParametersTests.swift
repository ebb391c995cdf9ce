import Synchronization
import Testing

@testable import CertctlCrypto

@Suite struct DHParametersTests {
  /// Safe primes (2q+1 for a prime q) below 1000, computed by another program.
  ///
  /// Unlike those of RFC 2409 and 3526, OpenSSL does not know them by name.
  private static let smallSafePrimes: [UInt] = [
    11, 23, 47, 59, 83, 107, 167, 179, 227, 263, 347, 359, 383, 467, 479, 503, 563, 587, 719, 839,
    863, 887, 983,
  ]

  private static func judge(_ pem: [UInt8]) async throws -> String {
    try await OpenSSLTool.run("dhparam", "-check", "-noout", input: pem).text
  }

  @Test(arguments: DHParameters.standardSizes)
  func `a standard group equals OpenSSL's group of the same name`(bits: Int) async throws {
    let parameters = try DHParameters.standard(bits: bits)
    #expect(parameters.bits == bits)
    #expect(parameters.group == "ffdhe\(bits)")
    #expect(parameters.generator == [2])
    let tool = try await OpenSSLTool.run(
      "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe\(bits)")
    #expect(String(decoding: parameters.pem, as: UTF8.self) == tool.text)
    #expect(try await Self.judge(parameters.pem).contains("appear to be ok"))
    let read = try DHParameters(pem: parameters.pem)
    #expect(read == parameters)
    #expect(try read.check() == DHCheck(isSafePrime: true))
  }

  @Test(arguments: [0, 512, 1024, 2047, 5120, 16384])
  func `a size without a standard group is rejected`(bits: Int) {
    let error = #expect(throws: CryptoError.self) { try DHParameters.standard(bits: bits) }
    #expect(error?.code == .unsupported)
  }

  @Test(arguments: [96, 160, 256, 384])
  func `a generated group has a safe prime of its size and OpenSSL's generator`(
    bits: Int
  ) async throws {
    let search = DHSearch(anyBits: bits)
    try search.work()
    let parameters = try #require(search.result)
    #expect(parameters.bits == bits)
    #expect(parameters.generator == [2])
    #expect(parameters.group == nil)
    #expect(search.candidates > 0)
    // 23 modulo 24: 2 generates the subgroup of prime order.
    #expect(parameters.prime.reduce(0) { ($0 * 256 + Int($1)) % 24 } == 23)
    let check = try parameters.check()
    #expect(check.isSafePrime == true)
    #expect(check.remarks.isEmpty)
    #expect(check.problems.count == 1 && check.problems[0].contains("2048"))
    // openssl, too, complains only about the size.
    let text = try await OpenSSLTool.run("dhparam", "-text", "-noout", input: parameters.pem).text
    #expect(text.contains("DH Parameters: (\(bits) bit)"), "\(text)")
    let verdict = try await OpenSSLTool.run(
      "prime", "-hex", Samples.hex(parameters.prime)
    ).text
    #expect(verdict.contains("is prime"), "\(verdict)")
  }

  @Test func `several workers stop together, and each search finds another prime`() async throws {
    var primes: Set<[UInt8]> = []
    for _ in 0..<3 {
      let search = DHSearch(anyBits: 192)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<2 { group.addTask { try search.work() } }
        try await group.waitForAll()
      }
      primes.insert(try #require(search.result).prime)
    }
    #expect(primes.count == 3)
  }

  @Test func `a cancelled search stops without a result`() async throws {
    let search = try DHSearch(bits: 8192)
    let clock = ContinuousClock()
    async let work: Void = search.work()
    try await Task.sleep(for: .milliseconds(300))
    let start = clock.now
    search.stop()
    try await work
    // The whole search would take hours. The limit allows for a debug build on a busy machine.
    #expect(clock.now - start < .seconds(60))
    #expect(search.result == nil)
    #expect(throws: CryptoError.self) { try DHSearch(bits: 1024) }
    #expect(throws: CryptoError.self) { try DHSearch(bits: 10000) }
  }

  @Test func `the estimated number of candidates is close to the actual one`() throws {
    // The mean of 60 geometric samples lies within 45 % (3.5 sigma) of the expectation.
    let searches = 60
    var total = 0.0
    var expected = 0.0
    for _ in 0..<searches {
      let search = DHSearch(anyBits: 96)
      try search.work()
      total += Double(search.candidates)
      expected = search.expectedCandidates
    }
    let mean = total / Double(searches)
    #expect(mean > expected * 0.55 && mean < expected * 1.45, "\(mean) for \(expected)")
  }

  @Test func `the sieve removes multiples of small primes and keeps every safe prime`() throws {
    // From 11 in steps of 12, sieved with the primes below 11 only.
    let start = try BigNumber.make([11], "test")
    let survivors = unsafe DHSieve(limit: 7).survivors(from: start.pointer)
    let expected = (0..<UInt(DHSieve.length)).map { $0 * 12 }.filter { offset in
      let q = 11 + offset
      return q % 5 != 0 && q % 7 != 0 && (2 * q + 1) % 5 != 0 && (2 * q + 1) % 7 != 0
    }
    #expect(survivors == expected)
  }

  @Test func `safe primes below 1000 are recognized`() throws {
    for number in UInt(0)..<1000 {
      let bytes = [UInt8(number >> 8), UInt8(number & 255)]
      let value = try BigNumber.make(bytes, "test")
      let isSafe = try unsafe SafePrime.check(value.pointer)
      #expect(isSafe == Self.smallSafePrimes.contains(number), "\(number)")
    }
  }

  @Test func `the problem of a bad group is reported`() async throws {
    func check(_ words: String...) async throws -> DHCheck {
      let made = try await OpenSSLTool.run(words: words)
      try #require(made.isSuccess)
      return try DHParameters(pem: Array(made.text.utf8)).check()
    }
    let small = try await check("dhparam", "-2", "512")
    #expect(small.problems.count == 1 && small.problems[0].contains("512 bits"))
    #expect(small.isSafePrime == true)
    let dsa = try await check("dhparam", "-dsaparam", "2048")
    #expect(dsa.isSafePrime == false && !dsa.isFine)
    let old = try await check(
      "genpkey", "-genparam", "-algorithm", "DHX", "-pkeyopt", "group:dh_2048_256")
    #expect(old.problems == ["dh_2048_256 (RFC 5114) is not a safe prime"])
    let known = try await check(
      "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:modp_2048")
    #expect(known == DHCheck(isSafePrime: true))
    let oakley = try await check(
      "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:modp_1536")
    #expect(!oakley.isFine)
  }

  /// Encodes PKCS #3 parameters with arbitrary numbers.
  private func parameters(prime: [UInt8], generator: [UInt8]) -> [UInt8] {
    func value(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
      let size = content.count
      return [tag, 0x82, UInt8(size >> 8), UInt8(size & 255)] + content
    }
    let body = value(2, [0] + prime) + value(2, generator)
    return TestPEM.encode(value(0x30, body), label: "DH PARAMETERS")
  }

  @Test func `invalid generators and huge numbers are rejected`() throws {
    let good = try DHParameters.standard(bits: 2048)
    var last = good.prime
    last[last.count - 1] -= 1
    for generator in [[0], [1], [0] + last, [0] + good.prime, [0, 255] + good.prime] {
      let pem = parameters(prime: good.prime, generator: generator)
      let check = try? DHParameters(pem: pem).check()
      #expect(check?.isFine != true)
    }
    let remark = try DHParameters(pem: parameters(prime: good.prime, generator: [11])).check()
    #expect(remark.isFine)
    let huge = try DHParameters(
      pem: parameters(prime: [UInt8](repeating: 255, count: 4000), generator: [2]))
    let clock = ContinuousClock()
    let time = try clock.measure {
      let check = try huge.check()
      #expect(check.isSafePrime == nil && !check.isFine)
    }
    #expect(time < .seconds(30))
    #expect(throws: CryptoError.self) {
      try DHParameters(pem: [UInt8](repeating: 65, count: 100_000))
    }
  }

  @Test func `checking an unknown prime can be cancelled`() throws {
    // OpenSSL does not know an RFC 7919 prime by name if its generator differs.
    let good = try DHParameters.standard(bits: 4096)
    let read = try DHParameters(pem: parameters(prime: good.prime, generator: [3]))
    #expect(read.group == nil)
    let error = #expect(throws: CryptoError.self) { try read.check { true } }
    #expect(error?.reasons == ["cancelled"])
  }

  @Test(arguments: [
    "", "junk", "-----BEGIN DH PARAMETERS-----\nMAA=\n-----END DH PARAMETERS-----\n",
    "-----BEGIN DH PARAMETERS-----\n!!!!\n-----END DH PARAMETERS-----\n",
    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
  ])
  func `text without parameters is rejected`(text: String) {
    let error = #expect(throws: CryptoError.self) { try DHParameters(pem: Array(text.utf8)) }
    #expect(error?.code == .malformed)
  }
}
