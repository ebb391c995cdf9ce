public import CertctlCrypto
public import FoundationEssentials

/// An in-memory CA: two roots, one intermediate signed by both, and leaves.
///
/// It encodes DER itself, so that tests can choose any dates and defects.
public struct TestCA: Sendable {
  /// The root of the default chain.
  public let root: Certificate
  /// The root of the alternate chain.
  public let otherRoot: Certificate
  /// The intermediate that signs leaves, signed by ``root``.
  public let intermediate: Certificate
  /// The same intermediate, signed by ``otherRoot``.
  public let crossSigned: Certificate

  private let intermediateKey: PrivateKey

  /// Generates keys and certificates, valid for ten years before and after `now`.
  public init(now: Date = Date()) throws {
    let keys = try (0..<3).map { _ in try PrivateKey.generate(.ec256) }
    let from = now.addingTimeInterval(-10 * 365 * 86400)
    let until = now.addingTimeInterval(10 * 365 * 86400)
    func authority(_ name: String, _ key: PublicKey, by signer: PrivateKey, _ issuer: String)
      throws -> Certificate
    {
      try Self.certificate(
        Template(
          subject: name, issuer: issuer, key: key, notBefore: from, notAfter: until, names: [],
          addresses: [], isAuthority: true, serial: Self.serial()), signedBy: signer)
    }
    root = try authority("Test Root 1", keys[0].publicKey, by: keys[0], "Test Root 1")
    otherRoot = try authority("Test Root 2", keys[1].publicKey, by: keys[1], "Test Root 2")
    intermediate = try authority(
      "Test Intermediate", keys[2].publicKey, by: keys[0], "Test Root 1")
    crossSigned = try authority("Test Intermediate", keys[2].publicKey, by: keys[1], "Test Root 2")
    intermediateKey = keys[2]
  }

  /// Issues a leaf for a key and names.
  public func leaf(
    for key: PublicKey, dnsNames: [String], ipAddresses: [String] = [], notBefore: Date,
    notAfter: Date, serial: [UInt8]? = nil
  ) throws -> Certificate {
    try Self.certificate(
      Template(
        subject: nil, issuer: "Test Intermediate", key: key, notBefore: notBefore,
        notAfter: notAfter, names: dnsNames, addresses: ipAddresses, isAuthority: false,
        serial: try serial ?? Self.serial(), issuerKey: intermediateKey.publicKey),
      signedBy: intermediateKey)
  }

  private static func serial() throws -> [UInt8] {
    // Positive, without a leading zero byte.
    var bytes = try RandomBytes.make(16)
    bytes[0] = bytes[0] & 0x3f | 0x40
    return bytes
  }

  private struct Template {
    var subject: String?
    var issuer: String
    var key: PublicKey
    var notBefore: Date
    var notAfter: Date
    var names: [String]
    var addresses: [String]
    var isAuthority: Bool
    var serial: [UInt8]
    var issuerKey: PublicKey?
  }

  private static func certificate(
    _ template: Template, signedBy key: PrivateKey
  ) throws -> Certificate {
    let algorithm = DERText.sequence([DERText.oid([1, 2, 840, 10045, 4, 3, 2])])
    let body = DERText.sequence([
      DERText.tagged(0xa0, DERText.integer([2])),
      DERText.integer(template.serial),
      algorithm,
      DERText.name(template.issuer),
      DERText.sequence([DERText.time(template.notBefore), DERText.time(template.notAfter)]),
      DERText.name(template.subject),
      template.key.spki,
      DERText.tagged(0xa3, DERText.sequence(extensions(template))),
    ])
    let raw = try key.joseSignature(for: body)
    let signature = DERText.sequence([
      DERText.integer(DERText.minimal(Array(raw.prefix(32)))),
      DERText.integer(DERText.minimal(Array(raw.suffix(32)))),
    ])
    return try Certificate(
      der: DERText.sequence([body, algorithm, DERText.tagged(0x03, [0] + signature)]))
  }

  private static func extensions(_ template: Template) -> [[UInt8]] {
    let identifier: (PublicKey) -> [UInt8] = { Array(Digest.sha256($0.spki).prefix(20)) }
    var list = [
      DERText.extension(
        [2, 5, 29, 14], critical: false, DERText.tagged(0x04, identifier(template.key))),
      DERText.extension(
        [2, 5, 29, 19], critical: true,
        DERText.sequence(template.isAuthority ? [[0x01, 0x01, 0xff]] : [])),
      DERText.extension(
        [2, 5, 29, 15], critical: true,
        DERText.tagged(0x03, template.isAuthority ? [1, 0x06] : [7, 0x80])),
    ]
    if let issuer = template.issuerKey {
      list.append(
        DERText.extension(
          [2, 5, 29, 35], critical: false,
          DERText.sequence([DERText.tagged(0x80, identifier(issuer))])))
    }
    guard !template.isAuthority else { return list }
    let names =
      template.names.map { DERText.tagged(0x82, [UInt8]($0.utf8)) }
      + template.addresses.map { DERText.tagged(0x87, DERText.address($0)) }
    list.append(
      DERText.extension([2, 5, 29, 17], critical: true, DERText.sequence(names)))
    list.append(
      DERText.extension(
        [2, 5, 29, 37], critical: false,
        DERText.sequence([DERText.oid([1, 3, 6, 1, 5, 5, 7, 3, 1])])))
    return list
  }
}
