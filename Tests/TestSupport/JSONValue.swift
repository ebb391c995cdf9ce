internal import FoundationEssentials

/// Any JSON value, for fake servers.
public enum JSONValue: Sendable, Equatable, Codable, ExpressibleByStringLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  /// A string.
  case string(String)
  /// A number.
  case number(Double)
  /// A Boolean.
  case bool(Bool)
  /// An array.
  case array([JSONValue])
  /// An object.
  case object([String: JSONValue])
  /// Null.
  case null

  /// Parses a document; nil if it is not JSON.
  public init?(_ bytes: [UInt8]) {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else {
      return nil
    }
    self = value
  }

  /// Decodes any value.
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let text = try? value.decode(String.self) {
      self = .string(text)
    } else if let list = try? value.decode([JSONValue].self) {
      self = .array(list)
    } else {
      self = .object(try value.decode([String: JSONValue].self))
    }
  }

  /// Encodes any value; integral numbers without a fraction.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .string(let text): try container.encode(text)
    case .number(let number):
      if number == number.rounded(), abs(number) < 1e15 {
        try container.encode(Int(number))
      } else {
        try container.encode(number)
      }
    case .bool(let bool): try container.encode(bool)
    case .array(let list): try container.encode(list)
    case .object(let fields): try container.encode(fields)
    case .null: try container.encodeNil()
    }
  }

  /// The JSON text, with sorted keys.
  public var bytes: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return ((try? encoder.encode(self)).map { [UInt8]($0) }) ?? []
  }

  /// A field of an object; null if there is none.
  public subscript(key: String) -> JSONValue {
    get {
      guard case .object(let fields) = self else { return .null }
      return fields[key] ?? .null
    }
    set {
      guard case .object(var fields) = self else { return }
      fields[key] = newValue == .null ? nil : newValue
      self = .object(fields)
    }
  }

  /// The string, or nil for another type.
  public var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  /// The elements of an array; empty for another type.
  public var array: [JSONValue] {
    guard case .array(let list) = self else { return [] }
    return list
  }

  /// The Boolean, or nil for another type.
  public var bool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  /// The number, or nil for another type.
  public var number: Double? {
    guard case .number(let value) = self else { return nil }
    return value
  }

  /// Creates a string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// Creates a Boolean.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// Creates a number.
  public init(integerLiteral value: Int) { self = .number(Double(value)) }
  /// Creates an array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// Creates an object.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements) { _, last in last })
  }
  /// Creates null.
  public init(nilLiteral: ()) { self = .null }
}
