import COpenSSL

/// The kinds of keys that certctl can generate.
public enum KeyType: String, Sendable, Hashable, CaseIterable, Codable {
  /// ECDSA on P-256: the default, small and fast everywhere.
  case ec256
  /// ECDSA on P-384.
  case ec384
  /// RSA with 2048 bits.
  case rsa2048
  /// RSA with 3072 bits.
  case rsa3072
  /// RSA with 4096 bits; takes seconds to generate.
  case rsa4096
  /// Ed25519: for account keys; public CAs do not certify it.
  case ed25519
}

/// The family of an OpenSSL key.
enum KeyFamily {
  case p256, p384, p521
  case rsa(bits: Int)
  case ed25519
  case other(String)

  init(_ key: OpaquePointer) {
    switch unsafe EVP_PKEY_get_base_id(key) {
    case EVP_PKEY_RSA: self = .rsa(bits: Int(unsafe EVP_PKEY_get_bits(key)))
    case EVP_PKEY_ED25519: self = .ed25519
    case EVP_PKEY_EC: self = unsafe KeyFamily(curveOf: key)
    default:
      guard let name = unsafe EVP_PKEY_get0_type_name(key) else {
        self = .other("unknown")
        return
      }
      self = unsafe .other(String(cString: name))
    }
  }

  private init(curveOf key: OpaquePointer) {
    var name = [CChar](repeating: 0, count: 64)
    var length = 0
    guard unsafe EVP_PKEY_get_group_name(key, &name, name.count, &length) == 1 else {
      ErrorQueue.clear()
      self = .other("EC with a custom curve")
      return
    }
    let curve = String(decoding: name.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
    switch curve {
    case SN_X9_62_prime256v1: self = .p256
    case SN_secp384r1: self = .p384
    case SN_secp521r1: self = .p521
    default: self = .other("EC on \(curve)")
    }
  }

  /// The key type, or nil for a key that certctl would not generate.
  var type: KeyType? {
    switch self {
    case .p256: .ec256
    case .p384: .ec384
    case .rsa(bits: 2048): .rsa2048
    case .rsa(bits: 3072): .rsa3072
    case .rsa(bits: 4096): .rsa4096
    case .ed25519: .ed25519
    default: nil
    }
  }

  /// The JWS algorithm (RFC 7518, RFC 8037), or nil for a key that cannot sign JWS.
  var joseAlgorithm: String? {
    switch self {
    case .p256: "ES256"
    case .p384: "ES384"
    case .rsa(let bits) where bits >= 2048: "RS256"
    case .ed25519: "EdDSA"
    default: nil
    }
  }

  /// The size of one coordinate in bytes, for the curves of JOSE signatures.
  var coordinateLength: Int? {
    switch self {
    case .p256: 32
    case .p384: 48
    default: nil
    }
  }

  /// The digest for signatures; nil for Ed25519, which includes its own.
  var digest: OpaquePointer? {
    switch self {
    case .p384: unsafe EVP_sha384()
    case .p521: unsafe EVP_sha512()
    case .ed25519: nil
    default: unsafe EVP_sha256()
    }
  }

  /// The name for people.
  var name: String {
    switch self {
    case .p256: "P-256"
    case .p384: "P-384"
    case .p521: "P-521"
    case .rsa(let bits): "RSA \(bits)"
    case .ed25519: "Ed25519"
    case .other(let name): name
    }
  }
}
