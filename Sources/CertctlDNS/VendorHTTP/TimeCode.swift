import CertctlCrypto
package import FoundationEssentials

/// Time-based one-time passwords (RFC 6238), for services with two-factor authentication.
package enum TimeCode {
  /// The validity of a code, in seconds.
  package static let period = 30

  /// Returns the code for a moment.
  ///
  /// - Parameters:
  ///   - secret: The shared secret in base32, as displayed next to the QR code; blanks are ignored.
  ///   - moment: The moment.
  /// - Returns: Six digits; nil if the secret is not base32.
  /// - Throws: `CryptoError` if OpenSSL lacks SHA-1.
  package static func digits(_ secret: String, at moment: Date) throws -> String? {
    guard let key = base32(secret) else { return nil }
    let counter = UInt64(max(0, moment.timeIntervalSince1970)) / UInt64(period)
    let message = (0..<8).map { UInt8(truncatingIfNeeded: counter >> (56 - 8 * $0)) }
    let code = try HMAC.sha1Code(key: key, message: message)
    // RFC 4226, section 5.3: the last four bits are the offset of the 31-bit number.
    let place = Int(code[code.count - 1] & 15)
    let number = code[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
    let text = String(number % 1_000_000)
    return String(repeating: "0", count: 6 - text.count) + text
  }

  /// Returns the seconds until the next code, at least 1.
  ///
  /// - Parameter moment: The current time.
  /// - Returns: The number of seconds.
  package static func secondsLeft(at moment: Date) -> Int {
    period - Int(max(0, moment.timeIntervalSince1970)) % period
  }

  /// Decodes base32 (RFC 4648, section 6), ignoring case; nil for invalid text.
  private static func base32(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count: UInt32 = 0
    for character in text.utf8 {
      let value: UInt8
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - UInt8(ascii: "a")
      case UInt8(ascii: "2")...UInt8(ascii: "7"): value = character - UInt8(ascii: "2") + 26
      case UInt8(ascii: " "), UInt8(ascii: "="), UInt8(ascii: "-"): continue
      default: return nil
      }
      bits = bits << 5 | UInt32(value)
      count += 5
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> count))
        bits &= (1 << count) - 1
      }
    }
    return bytes.isEmpty ? nil : bytes
  }
}
