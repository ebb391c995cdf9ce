import FoundationEssentials
import Testing

/// PEM by Foundation's Base64, to damage texts on purpose.
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

  /// A private key whose DER ends with other bytes.
  static func replaceTail(of pem: [UInt8], with tail: [UInt8]) throws -> [UInt8] {
    encode(try decode(pem).dropLast(tail.count) + tail, label: "PRIVATE KEY")
  }
}
