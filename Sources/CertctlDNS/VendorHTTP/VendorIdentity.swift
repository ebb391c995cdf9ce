/// A service's identity of a thing: a number, or a text, and sent back as it came.
package enum VendorIdentity: Sendable, Hashable, Codable {
  /// A number.
  case number(Int64)
  /// A text.
  case text(String)

  /// Reads either.
  package init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let number = try? value.decode(Int64.self) {
      self = .number(number)
    } else {
      self = .text(try value.decode(String.self))
    }
  }

  /// Writes what was read.
  package func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .number(let number): try value.encode(number)
    case .text(let text): try value.encode(text)
    }
  }

  /// As a part of a path.
  package var path: String {
    switch self {
    case .number(let number): String(number)
    case .text(let text): VendorAPI.encoded(text)
    }
  }
}
