import COpenSSL
import CertctlBase

/// The DNS names and addresses of a subjectAltName extension (RFC 5280 section 4.2.1.6).
struct AlternativeNames: Sendable {
  /// The DNS names as encoded, including wildcards.
  var dnsNames: [String] = []
  /// The IP addresses as text.
  var ipAddresses: [String] = []

  /// Reads OpenSSL's list; names of other kinds (email, URI) are skipped.
  init(_ names: OpaquePointer) {
    for index in 0..<(unsafe certctl_names_count(names)) {
      var kind: Int32 = 0
      guard let name = unsafe certctl_names_at(names, index),
        let value = unsafe GENERAL_NAME_get0_value(name, &kind),
        kind == GEN_DNS || kind == GEN_IPADD
      else { continue }
      let bytes = unsafe ASN1Text.bytes(value.assumingMemoryBound(to: ASN1_STRING.self))
      if kind == GEN_DNS {
        dnsNames.append(String(decoding: bytes, as: UTF8.self))
      } else if let address = IPAddress(octets: bytes) {
        ipAddresses.append("\(address)")
      }
    }
  }

  init() {}

  /// Creates OpenSSL's list name by name, so that no text is parsed as configuration.
  static func make(
    dnsNames: [String], ipAddresses: [String], _ operation: String
  ) throws(CryptoError) -> Owned {
    guard !(dnsNames.isEmpty && ipAddresses.isEmpty) else {
      throw CryptoError(.malformed, operation: operation, reasons: ["no name was given"])
    }
    let names = try unsafe Owned(GENERAL_NAMES_new(), GENERAL_NAMES_free, operation)
    for name in dnsNames {
      guard isPlausible(name) else {
        throw CryptoError(
          .malformed, operation: operation, subject: name, reasons: ["not a DNS name"],
          hint: "use ASCII names of at most 253 characters, and xn-- labels for Unicode names")
      }
      try append(Array(name.utf8), GEN_DNS, V_ASN1_IA5STRING, to: names, operation)
    }
    for address in ipAddresses {
      guard let octets = IPAddress(address)?.octets else {
        throw CryptoError(
          .malformed, operation: operation, subject: address, reasons: ["not an IP address"])
      }
      try append(octets, GEN_IPADD, V_ASN1_OCTET_STRING, to: names, operation)
    }
    return names
  }

  private static func append(
    _ bytes: [UInt8], _ kind: Int32, _ type: Int32, to names: borrowing Owned,
    _ operation: String
  ) throws(CryptoError) {
    guard let name = unsafe GENERAL_NAME_new() else { throw .drained(operation) }
    guard let value = unsafe ASN1_STRING_type_new(type) else {
      unsafe GENERAL_NAME_free(name)
      throw .drained(operation)
    }
    unsafe GENERAL_NAME_set0_value(name, kind, value)
    guard unsafe ASN1_STRING_set(value, bytes, Int32(bytes.count)) == 1 else {
      unsafe GENERAL_NAME_free(name)
      throw .drained(operation)
    }
    guard unsafe certctl_names_push(names.pointer, name) == 1 else { throw .drained(operation) }
  }

  /// A rough check; the code that reads names from the user has the exact rules.
  private static func isPlausible(_ name: String) -> Bool {
    let bytes = name.utf8
    return (1...253).contains(bytes.count) && bytes.allSatisfy { (0x21...0x7e).contains($0) }
  }
}

/// Conversions of ASN.1 values.
enum ASN1Text {
  /// Returns the content octets of a string.
  static func bytes(_ string: UnsafePointer<ASN1_STRING>) -> [UInt8] {
    let count = unsafe Int(ASN1_STRING_length(string))
    guard count > 0, let data = unsafe ASN1_STRING_get0_data(string) else { return [] }
    return unsafe Array(UnsafeBufferPointer(start: data, count: count))
  }

  /// Returns a distinguished name in the format of RFC 2253.
  static func text(ofName name: OpaquePointer?, _ operation: String) throws(CryptoError) -> String {
    let buffer = try MemoryBuffer(operation)
    guard unsafe X509_NAME_print_ex(buffer.pointer, name, 0, certctl_name_flags) >= 0 else {
      throw .drained(operation, code: .malformed)
    }
    return String(decoding: buffer.takeContents(), as: UTF8.self)
  }

  /// Returns the last common name of a distinguished name, or nil.
  static func commonName(of name: OpaquePointer?) -> String? {
    let index = unsafe X509_NAME_get_index_by_NID(name, NID_commonName, -1)
    guard index >= 0, let entry = unsafe X509_NAME_get_entry(name, index),
      let value = unsafe X509_NAME_ENTRY_get_data(entry)
    else { return nil }
    var text: UnsafeMutablePointer<UInt8>?
    let count = unsafe ASN1_STRING_to_UTF8(&text, value)
    guard count >= 0, let text = unsafe text else {
      ErrorQueue.clear()
      return nil
    }
    defer { unsafe certctl_free(text) }
    return unsafe String(
      decoding: UnsafeBufferPointer(start: text, count: Int(count)), as: UTF8.self)
  }
}
