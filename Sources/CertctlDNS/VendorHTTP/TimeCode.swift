import CertctlCrypto
package import FoundationEssentials

/// The six digits of an authenticator application (RFC 6238), for services that want them at login.
package enum TimeCode {
  /// How long a code holds, in seconds.
  package static let period = 30

  /// The code of a moment.
  ///
  /// - Parameters:
  ///   - secret: The shared secret in base32, as it is shown beside the QR code; blanks are passed over.
  ///   - moment: The moment.
  /// - Returns: The digits; nil for a secret that is no base32.
  /// - Throws: `CryptoError` when this OpenSSL has no SHA-1.
  package static func digits(_ secret: String, at moment: Date) throws -> String? {
    guard let key = base32(secret) else { return nil }
    let counter = UInt64(max(0, moment.timeIntervalSince1970)) / UInt64(period)
    let message = (0..<8).map { UInt8(truncatingIfNeeded: counter >> (56 - 8 * $0)) }
    let code = try HMAC.sha1Code(key: key, message: message)
    // RFC 4226, section 5.3: the last half byte says where the 31 bits are.
    let place = Int(code[code.count - 1] & 15)
    let number = code[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
    let text = String(number % 1_000_000)
    return String(repeating: "0", count: 6 - text.count) + text
  }

  /// How long it takes until the next code, in seconds from 1 on.
  ///
  /// - Parameter moment: The present moment.
  /// - Returns: The seconds.
  package static func secondsLeft(at moment: Date) -> Int {
    period - Int(max(0, moment.timeIntervalSince1970)) % period
  }

  /// The bytes of a text in base32 (RFC 4648, section 6), in any case; nil when it is none.
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
