internal import CLDNS

/// The signing of DNS messages with a shared secret, and the verification of responses (RFC 8945).
///
/// libldns 1.8.3 cannot sign with HMAC-SHA-384, because it misspells the algorithm name. TSIG
/// records are therefore encoded here, and decoded by libldns.
package struct TransactionSignature: Sendable {
  /// A function that computes the message authentication code of bytes.
  package typealias Code = @Sendable ([UInt8]) throws -> [UInt8]

  /// The permitted clock difference, in seconds.
  static let fudge: UInt16 = 300
  private static let type: UInt16 = 250
  private static let anyClass: UInt16 = 255

  /// The name of the key.
  package let keyName: String
  /// The name of the algorithm, such as `hmac-sha256`.
  package let algorithm: String
  private let code: Code

  /// Creates a signer.
  ///
  /// - Parameters:
  ///   - keyName: The name of the key, in the form of `DNSName`.
  ///   - algorithm: The name of the algorithm, in the same form.
  ///   - code: Computes the authentication code with the key.
  package init(keyName: String, algorithm: String, code: @escaping Code) {
    self.keyName = keyName
    self.algorithm = algorithm
    self.code = code
  }

  /// Signs a message.
  ///
  /// - Parameters:
  ///   - message: The unsigned message.
  ///   - time: The current time, in seconds since 1970.
  /// - Returns: The message with its TSIG record, and the code, which verifies the response.
  /// - Throws: The errors of the code function.
  package func sign(
    _ message: [UInt8], at time: UInt64
  ) throws -> (message: [UInt8], code: [UInt8]) {
    let mac = try code(message + variables(time: time, fudge: Self.fudge, error: 0, other: []))
    var data = Self.wire(algorithm) + Self.bytes(time, 6) + Self.bytes(UInt64(Self.fudge), 2)
    data += Self.bytes(UInt64(mac.count), 2) + mac + message[..<2] + Self.bytes(0, 4)
    var signed = message
    let count = Self.number(signed[10..<12]) + 1
    signed.replaceSubrange(10..<12, with: Self.bytes(UInt64(count), 2))
    signed += Self.wire(keyName) + Self.bytes(UInt64(Self.type), 2)
    signed += Self.bytes(UInt64(Self.anyClass), 2) + Self.bytes(0, 4)
    signed += Self.bytes(UInt64(data.count), 2) + data
    return (signed, mac)
  }

  /// The result of verifying a response.
  package enum Verdict: Sendable, Equatable {
    /// The signature is valid.
    case genuine
    /// The signature is missing or invalid.
    case forged
    /// The server rejected the request: 16 BADSIG, 17 BADKEY, 18 BADTIME (RFC 8945, section 3).
    case refused(Int)
  }

  /// Verifies the signature of a response.
  ///
  /// - Parameters:
  ///   - answer: The bytes of the response.
  ///   - requestCode: The code of the request.
  ///   - time: The current time, in seconds since 1970.
  /// - Returns: The result.
  /// - Throws: `HostError` with `.malformedAnswer`, or the errors of the code function.
  package func check(
    _ answer: [UInt8], requestCode: [UInt8], at time: UInt64
  ) throws -> Verdict {
    guard let (end, fields) = try Self.lastRecord(of: answer) else { return .forged }
    // The fields in libldns: algorithm, time, fudge, code, ID, error, other.
    guard fields.count == 7, fields[1].count == 6, fields[2].count == 2, fields[3].count >= 2 else {
      return .forged
    }
    let error = Self.number(fields[5])
    if [16, 17].contains(error) { return .refused(error) }
    let signedAt = fields[1].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let fudge = UInt16(Self.number(fields[2]))
    var message = Array(answer[..<end])
    let count = Self.number(message[10..<12]) - 1
    message.replaceSubrange(10..<12, with: Self.bytes(UInt64(max(0, count)), 2))
    message.replaceSubrange(0..<2, with: fields[4])
    let other = Array(fields[6].dropFirst(2))
    let expected = try code(
      Self.bytes(UInt64(requestCode.count), 2) + requestCode + message
        + variables(time: signedAt, fudge: fudge, error: UInt16(error), other: other))
    guard Self.isEqual(expected, Array(fields[3].dropFirst(2))) else { return .forged }
    if error != 0 { return .refused(error) }
    let distance = signedAt > time ? signedAt - time : time - signedAt
    return distance <= UInt64(fudge) ? .genuine : .refused(18)
  }

  /// Returns the TSIG variables (RFC 8945, section 4.3.3).
  private func variables(time: UInt64, fudge: UInt16, error: UInt16, other: [UInt8]) -> [UInt8] {
    Self.wire(keyName) + Self.bytes(UInt64(Self.anyClass), 2) + Self.bytes(0, 4)
      + Self.wire(algorithm) + Self.bytes(time, 6) + Self.bytes(UInt64(fudge), 2)
      + Self.bytes(UInt64(error), 2) + Self.bytes(UInt64(other.count), 2) + other
  }

  /// Returns the offset and the fields of the last record; nil if it is not a TSIG record.
  private static func lastRecord(of answer: [UInt8]) throws -> (Int, [[UInt8]])? {
    let ldns = try DNSLibrary.use()
    let packet = try unsafe DNSMessage.packet(answer, ldns)
    defer { unsafe ldns.table.pointee.pkt_free(packet) }
    guard let record = unsafe ldns.table.pointee.pkt_tsig(packet) else { return nil }
    let fields = unsafe (0..<ldns.table.pointee.rr_rd_count(record)).map {
      unsafe DNSMessage.bytes(ldns.table.pointee.rr_rdf(record, $0), ldns)
    }
    // Skip all records but the last.
    var position = 12
    let counts = (0..<4).map { number(answer[4 + 2 * $0..<6 + 2 * $0]) }
    for (section, count) in counts.enumerated() {
      let isLast = section == 3
      for _ in 0..<(isLast ? max(0, count - 1) : count) {
        var skipped: UnsafeMutablePointer<ldns_rr>?
        let status = unsafe answer.withUnsafeBufferPointer { buffer in
          unsafe ldns.table.pointee.wire2rr(
            &skipped, buffer.baseAddress, buffer.count, &position,
            ldns_pkt_section(UInt32(section)))
        }
        unsafe ldns.table.pointee.rr_free(skipped)
        guard status == LDNS_STATUS_OK else { return nil }
      }
    }
    return (position, fields)
  }

  /// Compares in constant time.
  private static func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    one.count == other.count && zip(one, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// Returns a name in uncompressed wire format.
  private static func wire(_ name: String) -> [UInt8] {
    let labels = name.lowercased().utf8.split(separator: UInt8(ascii: "."))
    return labels.flatMap { [UInt8(truncatingIfNeeded: $0.count)] + Array($0) } + [0]
  }

  private static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }

  private static func number(_ bytes: some Sequence<UInt8>) -> Int {
    bytes.reduce(0) { $0 << 8 | Int($1) }
  }
}
