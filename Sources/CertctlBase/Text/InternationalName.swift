/// Conversion of internationalized host names.
package enum InternationalName {
  /// Returns the ASCII form of a host name, in lower case, with UTS-46 (non-transitional).
  ///
  /// IDNA 2008 disallows symbols such as emoji, but some such names are registered. They are
  /// converted with IDNA 2003, as browsers do, unless they contain a letter that the two standards
  /// convert differently.
  ///
  /// - Throws: `HostError` with `.badName`, or with `.missingLibrary` for a name that is not in
  ///   ASCII if libidn2 is not installed.
  package static func toASCII(_ name: String) throws(HostError) -> String {
    if name.utf8.allSatisfy({ $0 < 0x80 }) { return name.lowercased() }
    // The library would stop at a NUL byte.
    guard !name.utf8.contains(0) else { throw refusal(name, "it contains a NUL byte") }
    let library = try IDNLibrary.shared.get()
    let ascii: String
    switch library.lookUp(name, .nontransitional) {
    case .name(let text): ascii = text
    case .refused(let words): throw refusal(name, words)
    case .disallowed(let words):
      guard !name.unicodeScalars.contains(where: deviations.contains),
        case .name(let text) = library.lookUp(name, .transitional)
      else { throw refusal(name, words) }
      ascii = text
    }
    // The mapping may produce characters that a host name cannot contain, such as "/" from U+2100.
    guard ascii.utf8.allSatisfy(isHostByte) else {
      throw refusal(name, "it maps to \"\(ascii)\", which is not a host name")
    }
    return ascii.lowercased()
  }

  /// The characters that the two standards convert differently: ß, final sigma and the joiners.
  ///
  /// Source: UTS-46, section 7.
  private static let deviations: Set<Unicode.Scalar> = [
    "\u{DF}", "\u{1E9E}", "\u{3C2}", "\u{200C}", "\u{200D}",
  ]

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
    HostError(.badName, operation: "convert to ASCII the name", subject: name, detail: detail)
  }
}
