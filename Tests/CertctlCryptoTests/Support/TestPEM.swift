import FoundationEssentials
import Testing

/// PEM with Foundation's Base64, to create damaged texts.
enum TestPEM {
  static func encode(_ der: [UInt8], label: String) -> [UInt8] {
    let body = Data(der).base64EncodedString(options: [
      .lineLength64Characters, .endLineWithLineFeed,
    ])
    return Array("-----BEGIN \(label)-----\n\(body)\n-----END \(label)-----\n".utf8)
  }

  static func decode(_ pem: [UInt8]) throws -> [UInt8] {
    let lines = String(decoding: pem, as: UTF8.self).split(separator: "\n")
    let body = lines.filter { !$0.hasPrefix("-----") }.joined()
    return Array(try #require(Data(base64Encoded: body)))
  }

  /// Replaces the last bytes of a private key's DER.
  static func replaceTail(of pem: [UInt8], with tail: [UInt8]) throws -> [UInt8] {
    encode(try decode(pem).dropLast(tail.count) + tail, label: "PRIVATE KEY")
  }
}
