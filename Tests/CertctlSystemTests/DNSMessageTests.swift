import CertctlBase
import CertctlCrypto
import CertctlDNSClient
import TestSupport
import Testing

/// Valid and damaged DNS messages, byte by byte (RFC 1035, RFC 2136, RFC 6891).
struct DNSMessageTests {
  @Test func `a query is encoded as in the RFCs`() throws {
    let asked = try DNSMessage.question(
      "_acme-challenge.Example.test", .txt, id: 0xABCD, isRecursive: true)
    let header: [UInt8] = [0xAB, 0xCD, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1]
    let name =
      [15] + Array("_acme-challenge".utf8) + [7] + Array("example".utf8) + [4]
      + Array("test".utf8) + [0]
    // OPT: the root, type 41, 1232 bytes, no extended code, version 0, no data.
    let options: [UInt8] = [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0]
    #expect(asked == header + name + [0, 16, 0, 1] + options)
    let unrecursed = try DNSMessage.question("", .ns, id: 1, isRecursive: false)
    #expect(unrecursed == [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 1] + options)
  }

  @Test func `an update is encoded as in RFC 2136`() throws {
    let update = try DNSMessage.update(
      zone: "example.test", added: [("a.example.test", "new")],
      removed: [("a.example.test", "old")], ttl: 60, id: 0x0102)
    let zone = [7] + Array("example".utf8) + [4] + Array("test".utf8) + [0]
    let header: [UInt8] = [1, 2, 0x28, 0, 0, 1, 0, 0, 0, 2, 0, 0]
    let asked = header + zone + [0, 6, 0, 1]
    let owner: [UInt8] = [1, 0x61, 0xC0, 12]
    let added: [UInt8] = [0, 16, 0, 1, 0, 0, 0, 60, 0, 4, 3] + Array("new".utf8)
    let again: [UInt8] = [0xC0, UInt8(asked.count)]
    let removed: [UInt8] = [0, 16, 0, 254, 0, 0, 0, 0, 0, 4, 3] + Array("old".utf8)
    #expect(Array(update.prefix(asked.count)) == asked)
    let records = Array(update.dropFirst(asked.count))
    #expect(records == owner + added + again + removed, "\(records)")
  }

  @Test func `invalid names and long texts are rejected`() throws {
    for name in ["a..b", "a b", ".a", String(repeating: "a", count: 64), "ä.test"] {
      #expect(throws: HostError.self, "\(name)") {
        try DNSMessage.question(name, .txt, id: 1, isRecursive: false)
      }
      #expect(throws: HostError.self, "\(name)") {
        try DNSMessage.update(zone: "test", added: [(name, "x")], removed: [], ttl: 1, id: 1)
      }
      #expect(throws: HostError.self, "\(name)") {
        try DNSMessage.update(zone: name, added: [("a.test", "x")], removed: [], ttl: 1, id: 1)
      }
    }
    func update(_ count: Int) throws -> [UInt8] {
      let text = String(repeating: "x", count: count)
      return try DNSMessage.update(
        zone: "test", added: [], removed: [("a.test", text)], ttl: 1, id: 1)
    }
    #expect(try update(255).count > 255)
    #expect(throws: HostError.self) { try update(256) }
  }

  /// Returns a valid response with every supported record type.
  private static func answer(_ query: [UInt8]) -> [UInt8] {
    let name = DNSWire.questionName
    let records = [
      DNSWire.record(name, type: 1, [192, 0, 2, 1]),
      DNSWire.record(name, type: 2, [2, 0x6E, 0x73] + name),
      DNSWire.record(name, type: 5, [1, 0x63] + name),
      DNSWire.record(name, type: 6, name + name + DNSWire.words(0, 7, 0, 1, 0, 2, 0, 3, 0, 300)),
      DNSWire.record(name, type: 16, [2, 0x61, 0x62, 0, 1, 0x63]),
      DNSWire.record(name, type: 28, [0x20, 1, 0xD, 0xB8] + Array(repeating: 0, count: 11) + [1]),
      DNSWire.record(name, type: 257, [128, 5] + Array("issueca.test".utf8)),
      DNSWire.record(name, type: 65_280, [1, 2, 3]),
      // A TSIG record, which libldns removes from the section.
      DNSWire.name("key") + DNSWire.words(250, 255, 0, 0, 45) + DNSWire.name("hmac-sha256")
        + DNSWire.words(0, 1, 2, 300, 16) + Array(repeating: 9, count: 16)
        + DNSWire.words(1, 0, 0),
    ]
    return DNSWire.answer(query, records, counts: [1, 8, 0, 1])
  }

  @Test func `every record type is parsed`() throws {
    let query = try DNSMessage.question("a.test", .txt, id: 5, isRecursive: false)
    let response = try #require(try DNSMessage.response(Self.answer(query), to: query))
    #expect(response.isAuthoritative && !response.isTruncated && response.code == 0)
    #expect(
      response.answers.map(\.content) == [
        .address("192.0.2.1"), .name("ns.a.test"), .name("c.a.test"),
        .start(primary: "a.test", serial: 7, negativeTTL: 300), .text(Array("abc".utf8)),
        .address("2001:db8::1"), .authorization(flags: 128, tag: "issue", value: "ca.test"),
        .other,
      ])
    #expect(response.answers.allSatisfy { $0.name == "a.test" && $0.ttl == 60 })
  }

  @Test func `damaged responses are rejected or parsed without a crash`() throws {
    let query = try DNSMessage.question("a.test", .txt, id: 5, isRecursive: false)
    let right = Self.answer(query)
    let signature = TransactionSignature(keyName: "key", algorithm: "hmac-sha256") { _ in
      Array(repeating: 9, count: 16)
    }
    var noise = Noise(state: 20_261_123)
    var ends: [String: Int] = [:]
    for _ in 0..<20_000 {
      var bytes = right
      for _ in 0...Int.random(in: 0..<4, using: &noise) { Self.damage(&bytes, &noise) }
      // Keep the ID, or most messages would be ignored.
      bytes.replaceSubrange(0..<min(2, bytes.count), with: query.prefix(min(2, bytes.count)))
      do {
        let response = try DNSMessage.response(bytes, to: query)
        ends[response == nil ? "another" : "read", default: 0] += 1
      } catch {
        #expect(error.code == .malformedAnswer)
        ends["malformed", default: 0] += 1
      }
      _ = try? signature.check(bytes, requestCode: [1, 2], at: 65_538)
    }
    // Each outcome was frequent, so the seed is useful.
    for end in ["another", "read", "malformed"] { #expect(ends[end, default: 0] > 500, "\(ends)") }
  }

  private static func damage(_ bytes: inout [UInt8], _ noise: inout Noise) {
    guard bytes.count > 2 else { return }
    let place = Int.random(in: 2..<bytes.count, using: &noise)
    switch Int.random(in: 0..<6, using: &noise) {
    case 0: bytes[place] = .random(in: 0...255, using: &noise)
    case 1: bytes[place] ^= 1 << Int.random(in: 0..<8, using: &noise)
    case 2: bytes.removeSubrange(place...)
    case 3: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
    case 4: bytes.removeSubrange(place..<min(place + 3, bytes.count))
    default: bytes.replaceSubrange(place..<place + 1, with: [0xC0, UInt8(place & 0xFF)])
    }
  }
}

/// TSIG signatures (RFC 8945).
struct TransactionSignatureTests {
  private static let key = Array("a secret of thirty-two characters".utf8)
  private static let time: UInt64 = 1_780_000_000

  private static func signer(_ name: String = "key.test", _ key: [UInt8] = key)
    -> TransactionSignature
  {
    TransactionSignature(keyName: name, algorithm: "hmac-sha256") { message in
      try HMAC.code(.sha256, key: key, message: message)
    }
  }

  private static func query() throws -> [UInt8] {
    try DNSMessage.update(
      zone: "a.test", added: [("x.a.test", "t")], removed: [], ttl: 1, id: 0x1234)
  }

  /// Returns a signed response, put together as in RFC 8945, sections 4.2 and 4.3.
  private static func answer(
    _ message: [UInt8], requestCode: [UInt8], time: UInt64 = time, error: Int = 0,
    other: [UInt8] = [], key: [UInt8] = key, code: [UInt8]? = nil
  ) throws -> [UInt8] {
    let seconds = DNSWire.words(Int(time >> 32), Int(time >> 16), Int(time))
    let name = DNSWire.name("key.test")
    let algorithm = DNSWire.name("hmac-sha256")
    let signed =
      DNSWire.words(requestCode.count) + requestCode + message + name
      + DNSWire.words(255, 0, 0) + algorithm + seconds
      + DNSWire.words(300, error, other.count) + other
    let code = try code ?? HMAC.code(.sha256, key: key, message: signed)
    let data =
      algorithm + seconds + DNSWire.words(300, code.count) + code + message.prefix(2)
      + DNSWire.words(error, other.count) + other
    return message.prefix(10) + [0, message[11] + 1] + message.dropFirst(12) + name
      + DNSWire.words(250, 255, 0, 0, data.count) + data
  }

  @Test func `a signed message is encoded as in RFC 8945`() throws {
    let query = try Self.query()
    let (message, code) = try Self.signer().sign(query, at: Self.time)
    // A request is signed like a response, but without the length and MAC of a request.
    let expected = try HMAC.code(
      .sha256, key: Self.key,
      message: query + DNSWire.name("key.test") + DNSWire.words(255, 0, 0)
        + DNSWire.name("hmac-sha256")
        + DNSWire.words(0, Int(Self.time >> 16), Int(Self.time), 300, 0, 0))
    #expect(code == expected)
    #expect(try message == Self.answer(query, requestCode: [], code: expected))
  }

  @Test func `a changed byte makes a signed response invalid`() throws {
    let signer = Self.signer()
    let requestCode = try signer.sign(Self.query(), at: Self.time).code
    let plain = DNSWire.answer(try Self.query(), flags: 0xA800)
    let answer = try Self.answer(plain, requestCode: requestCode)
    #expect(try signer.check(answer, requestCode: requestCode, at: Self.time) == .genuine)
    #expect(try signer.check(answer, requestCode: [1], at: Self.time) == .forged)
    #expect(try signer.check(plain, requestCode: requestCode, at: Self.time) == .forged)
    let stranger = Self.signer("key.test", [1, 2, 3])
    #expect(try stranger.check(answer, requestCode: requestCode, at: Self.time) == .forged)
    let renamed = Self.signer("other.test")
    #expect(try renamed.check(answer, requestCode: requestCode, at: Self.time) == .forged)
    // Forwarders may change the ID (section 5.4), since the record contains the original one.
    for place in answer.indices.dropFirst(2) {
      var changed = answer
      changed[place] ^= 0x10
      let verdict = try? signer.check(changed, requestCode: requestCode, at: Self.time)
      #expect(verdict != .genuine || Self.isOutside(place, plain.count), "byte \(place)")
    }
  }

  /// Returns whether the MAC does not cover this byte.
  ///
  /// It does not cover the record's own name, type, class, TTL and algorithm, whose values are
  /// those of the client's key.
  private static func isOutside(_ place: Int, _ count: Int) -> Bool {
    let record = count + DNSWire.name("key.test").count
    return (count..<record + 10 + DNSWire.name("hmac-sha256").count).contains(place)
  }

  @Test func `a server's TSIG errors are distinguished`() throws {
    let signer = Self.signer()
    let plain = DNSWire.answer(try Self.query(), flags: 0xA809)
    func verdict(
      error: Int, code: [UInt8]?, other: [UInt8] = []
    ) throws -> TransactionSignature.Verdict {
      let answer = try Self.answer(
        plain, requestCode: [5], error: error, other: other, code: code)
      return try signer.check(answer, requestCode: [5], at: Self.time)
    }
    // Without a MAC, as the server has no valid key (section 5.3.2).
    #expect(try verdict(error: 16, code: []) == .refused(16))
    #expect(try verdict(error: 17, code: []) == .refused(17))
    // BADTIME is signed, or anyone could forge it.
    #expect(try verdict(error: 18, code: nil, other: [0, 0, 1, 2, 3, 4]) == .refused(18))
    #expect(try verdict(error: 18, code: []) == .forged)
    #expect(try verdict(error: 0, code: []) == .forged)
  }

  @Test func `a response outside the allowed time is rejected`() throws {
    let signer = Self.signer()
    let plain = DNSWire.answer(try Self.query(), flags: 0xA800)
    let answer = try Self.answer(plain, requestCode: [5])
    func verdict(_ distance: Int64) throws -> TransactionSignature.Verdict {
      try signer.check(
        answer, requestCode: [5], at: UInt64(Int64(Self.time) + distance))
    }
    #expect(try verdict(300) == .genuine)
    #expect(try verdict(-300) == .genuine)
    #expect(try verdict(301) == .refused(18))
    #expect(try verdict(-301) == .refused(18))
  }
}
