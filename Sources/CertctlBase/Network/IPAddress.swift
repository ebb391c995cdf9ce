internal import Glibc

/// An IPv4 or IPv6 address, read and written by the C library.
///
/// Everything that knows addresses goes through this type, so that a name, a certificate and a URL never
/// disagree about whether two texts are one address.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
  /// The 4 or 16 octets, in the order of the network.
  package let octets: [UInt8]

  /// Takes octets, as certificates and DNS records have them; nil for another count than 4 and 16.
  package init?(octets: [UInt8]) {
    guard octets.count == 4 || octets.count == 16 else { return nil }
    self.octets = octets
  }

  /// Reads an address: four decimal numbers without leading zeros, or any form of IPv6.
  ///
  /// Brackets, zones (`%eth0`), ports and blanks belong to other things than addresses: nil.
  package init?(_ text: String) {
    guard let octets = Self.read(text, AF_INET, 4) ?? Self.read(text, AF_INET6, 16) else {
      return nil
    }
    self.octets = octets
  }

  /// Reads an IPv4 address in one of the short forms that connecting programs accept: `127.1`,
  /// `0x7f000001`, `2130706433`; nil for anything else.
  package init?(shortForm text: String) {
    var address = in_addr()
    // inet_aton would ignore what follows a blank.
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }),
      unsafe inet_aton(text, &address) != 0
    else { return nil }
    self.octets = unsafe withUnsafeBytes(of: &address) { unsafe Array($0) }
  }

  /// Whether it is one of IPv6.
  package var isV6: Bool { octets.count == 16 }

  /// The one text of the address: for IPv6 that of RFC 5952, which RFC 8738 asks for.
  package var description: String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      let family = isV6 ? AF_INET6 : AF_INET
      let start = unsafe octets.withUnsafeBytes { raw in
        unsafe inet_ntop(family, raw.baseAddress, text.baseAddress, socklen_t(text.count))
      }
      // Fails only for a buffer that is too short or another family.
      return unsafe start.map { unsafe String(cString: $0) } ?? ""
    }
  }

  /// Whether a connection to it ends at this very machine.
  ///
  /// 127.0.0.0/8 and ::1; also 0.0.0.0 and ::, which connect here as well.
  package var isThisHost: Bool {
    guard isV6 else { return octets[0] == 127 || octets.allSatisfy { $0 == 0 } }
    // An IPv4 address in IPv6 clothes, ::ffff:127.0.0.1, ends at the same socket.
    let isMapped = octets[..<10].allSatisfy { $0 == 0 } && octets[10] == 0xff && octets[11] == 0xff
    if isMapped { return IPAddress(octets: Array(octets[12...]))?.isThisHost ?? false }
    return octets[..<15].allSatisfy { $0 == 0 } && octets[15] <= 1
  }

  private static func read(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
    // A C string ends at a NUL: what follows it would be ignored silently.
    guard !text.utf8.contains(0) else { return nil }
    var octets = [UInt8](repeating: 0, count: count)
    return unsafe inet_pton(family, text, &octets) == 1 ? octets : nil
  }
}
