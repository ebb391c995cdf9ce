import CertctlCore
package import CertctlSystem
package import FoundationEssentials

/// A versioned JSON file in the state directory.
///
/// If a file cannot be decoded, or a newer certctl wrote it, reading it throws. certctl never
/// overwrites such a file, because its contents could not be recovered.
package struct StateFile<Content: Codable & Sendable>: Sendable {
  package let folder: DurableFolder
  package let name: String
  /// The newest format version that this certctl supports.
  package let version: Int
  var attributes = StateDirectory.closedFile

  package init(
    folder: DurableFolder, name: String, version: Int,
    attributes: FileAttributes = StateDirectory.closedFile
  ) {
    self.folder = folder
    self.name = name
    self.version = version
    self.attributes = attributes
  }

  private var path: String { "\(folder.path)/\(name)" }

  func read() throws -> Content? {
    guard let bytes = try folder.read(name) else { return nil }
    do {
      let header = try StateCoding.decoder().decode(Header.self, from: Data(bytes))
      guard header.version <= version else {
        throw CertctlError(
          .damagedState,
          "cannot read \(path): it has format version \(header.version), "
            + "but this certctl supports at most \(version)",
          hint: "upgrade certctl: a newer version wrote this file")
      }
      return try StateCoding.decoder().decode(Content.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw CertctlError(
        .damagedState, "\(path) is damaged: \(StateCoding.describe(error))",
        hint: "restore it from a backup, or move it away to start over")
    }
  }

  func write(_ content: Content) throws {
    var bytes = [UInt8](try StateCoding.encoder().encode(content))
    bytes.append(UInt8(ascii: "\n"))
    try folder.write(name, bytes, attributes)
  }

  private struct Header: Decodable { let version: Int }
}

/// The JSON format of state files and reports: sorted keys, RFC 3339 times in UTC.
package enum StateCoding {
  /// Returns an encoder for state files and reports.
  package static func encoder(pretty: Bool = true) -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting =
      pretty
      ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      : [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return encoder
  }

  package static func decoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return decoder
  }

  /// Describes a decoding error: where it occurred, and why.
  static func describe(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context):
      return located("key '\(key.stringValue)' is missing", context)
    case .valueNotFound(_, let context): return located("the value is missing", context)
    case .typeMismatch(_, let context): return located("the value has the wrong type", context)
    case .dataCorrupted(let context): return located(fragment(context.debugDescription), context)
    @unknown default: return "it cannot be decoded"
    }
  }

  /// Returns Foundation's sentence without its capital letter and full stop.
  private static func fragment(_ sentence: String) -> String {
    guard sentence.hasSuffix("."), sentence.dropFirst().first?.isLowercase == true else {
      return sentence
    }
    return sentence.prefix(1).lowercased() + sentence.dropFirst().dropLast()
  }

  private static func located(_ problem: String, _ context: DecodingError.Context) -> String {
    let place = context.codingPath.map(\.stringValue).joined(separator: ".")
    return place.isEmpty ? problem : "at '\(place)': \(problem)"
  }
}
