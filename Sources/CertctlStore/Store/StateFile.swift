import CertctlCore
package import CertctlSystem
package import FoundationEssentials

/// A JSON file of the state directory, with a version that guards it.
///
/// A file that does not decode, or that a newer certctl wrote, is named in an error and never
/// overwritten: what it says cannot be had back.
package struct StateFile<Content: Codable & Sendable>: Sendable {
  package let folder: DurableFolder
  package let name: String
  /// The newest version of the format that this certctl knows.
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
          "\(path) has version \(header.version), and this certctl knows up to \(version)",
          hint: "it was written by a newer certctl: use that one")
      }
      return try StateCoding.decoder().decode(Content.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw CertctlError(
        .damagedState, "\(path) is damaged: \(StateCoding.describe(error))",
        hint: "restore it from a backup, or move it away to start anew; it was left as it is")
    }
  }

  func write(_ content: Content) throws {
    var bytes = [UInt8](try StateCoding.encoder().encode(content))
    bytes.append(UInt8(ascii: "\n"))
    try folder.write(name, bytes, attributes)
  }

  private struct Header: Decodable { let version: Int }
}

/// How state files and reports are written: sorted keys, RFC 3339 times in UTC.
package enum StateCoding {
  /// An encoder for state files and reports.
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

  /// A decoding error in words: where, and what.
  static func describe(_ error: DecodingError) -> String {
    switch error {
    case .dataCorrupted(let context), .valueNotFound(_, let context),
      .typeMismatch(_, let context), .keyNotFound(_, let context):
      let place = context.codingPath.map(\.stringValue).joined(separator: ".")
      return place.isEmpty
        ? context.debugDescription : "at '\(place)': \(context.debugDescription)"
    @unknown default: return "it does not decode"
    }
  }
}
