internal import Glibc

/// An IPv4 or IPv6 address, parsed and formatted by the C library.
///
/// All code that handles addresses uses this type, so that names, certificates and URLs always
/// agree on whether two texts are the same address.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
  /// The 4 or 16 octets in network byte order.
  package let octets: [UInt8]

  /// Creates an address from octets, as in certificates and DNS records; nil unless there are 4 or
  /// 16.
  package init?(octets: [UInt8]) {
    guard octets.count == 4 || octets.count == 16 else { return nil }
    self.octets = octets
  }

  /// Parses an address: four decimal numbers without leading zeros, or any form of IPv6.
  ///
  /// Returns nil for a text with brackets, a zone (`%eth0`), a port or spaces.
  package init?(_ text: String) {
    guard let octets = Self.read(text, AF_INET, 4) ?? Self.read(text, AF_INET6, 16) else {
      return nil
    }
    self.octets = octets
  }

  /// Parses an IPv4 address in one of the short forms that C programs accept: `127.1`,
  /// `0x7f000001`, `2130706433`; nil for anything else.
  package init?(shortForm text: String) {
    var address = in_addr()
    // inet_aton would ignore text after a space.
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }),
      unsafe inet_aton(text, &address) != 0
    else { return nil }
    self.octets = unsafe withUnsafeBytes(of: &address) { unsafe Array($0) }
  }

  /// Whether this is an IPv6 address.
  package var isV6: Bool { octets.count == 16 }

  /// The canonical text; for IPv6 the form of RFC 5952, which RFC 8738 requires.
  package var description: String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      let family = isV6 ? AF_INET6 : AF_INET
      let start = unsafe octets.withUnsafeBytes { raw in
        unsafe inet_ntop(family, raw.baseAddress, text.baseAddress, socklen_t(text.count))
      }
      // Fails only for a short buffer or an unknown family.
      return unsafe start.map { unsafe String(cString: $0) } ?? ""
    }
  }

  /// Whether connections to this address reach this machine.
  ///
  /// True for 127.0.0.0/8 and ::1, and for 0.0.0.0 and ::, which also connect to this machine.
  package var isThisHost: Bool {
    guard isV6 else { return octets[0] == 127 || octets.allSatisfy { $0 == 0 } }
    // An IPv4-mapped address, ::ffff:127.0.0.1, reaches the same socket.
    let isMapped = octets[..<10].allSatisfy { $0 == 0 } && octets[10] == 0xff && octets[11] == 0xff
    if isMapped { return IPAddress(octets: Array(octets[12...]))?.isThisHost ?? false }
    return octets[..<15].allSatisfy { $0 == 0 } && octets[15] <= 1
  }

  private static func read(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
    // C ignores everything after a NUL.
    guard !text.utf8.contains(0) else { return nil }
    var octets = [UInt8](repeating: 0, count: count)
    return unsafe inet_pton(family, text, &octets) == 1 ? octets : nil
  }
}
