internal import FoundationEssentials

/// Base64url without padding (RFC 7515 section 2), the encoding of everything in a JWS.
package enum Base64URL {
  /// Encodes without padding.
  package static func encode(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString(options: [.base64URLAlphabet, .omitPaddingCharacter])
  }

  /// Encodes the UTF-8 bytes of a text.
  package static func encode(_ text: String) -> String { encode([UInt8](text.utf8)) }

  /// Decodes strictly, which the library does not: no padding, no white space, no bits left over; `nil` otherwise.
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
    // Six bits over are half a byte and no byte; other left-over bits must be zero.
    return count < 6 && bits == 0 ? out : nil
  }

  /// Whether a text is made of the 64 letters only; the empty text is not.
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
