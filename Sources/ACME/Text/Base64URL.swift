internal import FoundationEssentials

/// Base64url without padding (RFC 7515 section 2), the encoding in a JWS.
package enum Base64URL {
  /// Encodes without padding.
  package static func encode(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString(options: [.base64URLAlphabet, .omitPaddingCharacter])
  }

  /// Encodes the UTF-8 bytes of a text.
  package static func encode(_ text: String) -> String { encode([UInt8](text.utf8)) }

  /// Decodes strictly; returns `nil` for padding, white space or left-over bits.
  ///
  /// The decoder in Foundation is lenient.
  package static func decode(_ text: String) -> [UInt8]? {
    var out: [UInt8] = []
    var bits: UInt32 = 0
    var count: UInt32 = 0
    for character in text.utf8 {
      guard let value = value(of: character) else { return nil }
      bits = bits << 6 | value
      count += 6
      if count >= 8 {
        count -= 8
        out.append(UInt8(bits >> count & 255))
      }
      bits &= (1 << count) - 1
    }
    // Six left-over bits are not a byte; fewer must be zero.
    return count < 6 && bits == 0 ? out : nil
  }

  /// Returns whether a text consists of base64url characters; false for the empty text.
  package static func isAlphabet(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { value(of: $0) != nil }
  }

  private static func value(of character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a") + 26)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0") + 52)
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
  }
}
