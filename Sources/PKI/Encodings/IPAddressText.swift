import Glibc

/// IP addresses between text and the octets of a certificate (RFC 5280 section 4.2.1.6).
enum IPAddressText {
  /// The 4 or 16 octets of an address, or nil when the text is none.
  static func octets(_ text: String) -> [UInt8]? {
    octets(text, AF_INET, 4) ?? octets(text, AF_INET6, 16)
  }

  /// The text of 4 or 16 octets, IPv6 as RFC 5952 writes it; nil for another count.
  static func text(_ octets: [UInt8]) -> String? {
    let family: Int32
    switch octets.count {
    case 4: family = AF_INET
    case 16: family = AF_INET6
    default: return nil
    }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard unsafe inet_ntop(family, octets, &text, socklen_t(text.count)) != nil else { return nil }
    return String(
      decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func octets(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
    // A C string ends at a NUL: what follows it would be ignored silently.
    guard !text.utf8.contains(0) else { return nil }
    var octets = [UInt8](repeating: 0, count: count)
    return unsafe inet_pton(family, text, &octets) == 1 ? octets : nil
  }
}
