internal import CCurl
internal import Glibc

/// Host names in other scripts than ASCII.
package enum InternationalName {
  /// The ASCII form of a host name, in lower case, by UTS-46 (non-transitional).
  ///
  /// curl's URL parser does it through libidn2. It takes the bytes for the locale's encoding, so the
  /// thread gets a UTF-8 locale meanwhile, whatever the user's.
  ///
  /// - Throws: `HostError` with `.badName`.
  package static func toASCII(_ name: String) throws(HostError) -> String {
    if name.utf8.allSatisfy({ $0 < 0x80 }) { return name.lowercased() }
    let url = try CurlURL()
    if let wrong = url.set(CURLUPART_SCHEME, "https") { throw refusal(name, wrong) }
    let ascii: String?
    do {
      guard let locale = unsafe newlocale(Int32(LC_CTYPE_MASK), "C.UTF-8", nil) else {
        throw refusal(name, "this host has no locale C.UTF-8")
      }
      let before = unsafe uselocale(locale)
      defer {
        unsafe uselocale(before)
        unsafe freelocale(locale)
      }
      if let wrong = url.set(CURLUPART_HOST, name) { throw refusal(name, wrong) }
      ascii = url.get(CURLUPART_HOST, flags: punycode)
    }
    guard let ascii else { throw refusal(name, "it is no international domain name") }
    // The mapping may bring out characters that no host name has, such as "/" from U+2100.
    guard ascii.utf8.allSatisfy(isHostByte) else {
      throw refusal(name, "it stands for \"\(ascii)\", which is no host name")
    }
    return ascii.lowercased()
  }

  /// CURLU_PUNYCODE, since curl 7.88.
  private static let punycode: UInt32 = 1 << 12

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func refusal(_ name: String, _ detail: String) -> HostError {
    HostError(.badName, operation: "write in ASCII the name", subject: name, detail: detail)
  }
}
