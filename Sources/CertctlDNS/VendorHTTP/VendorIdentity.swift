/// An identifier assigned by a service: a number or a text, encoded as it was decoded.
package enum VendorIdentity: Sendable, Hashable, Codable {
  /// A number.
  case number(Int64)
  /// A text.
  case text(String)

  /// Decodes a number or a text.
  package init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let number = try? value.decode(Int64.self) {
      self = .number(number)
    } else {
      self = .text(try value.decode(String.self))
    }
  }

  /// Encodes the number or the text.
  package func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .number(let number): try value.encode(number)
    case .text(let text): try value.encode(text)
    }
  }

  /// The percent-encoded path segment.
  package var path: String {
    switch self {
    case .number(let number): String(number)
    case .text(let text): VendorAPI.encoded(text)
    }
  }
}
