/// Host names in other scripts than ASCII.
package enum InternationalName {
  /// The ASCII form of a host name, in lower case, by UTS-46 (non-transitional).
  ///
  /// A name with a symbol, such as an emoji, is not in the standard of 2008, but some are registered: such
  /// names are read by the standard of 2003, as browsers do, unless the two would say different things of
  /// their other letters.
  ///
  /// - Throws: `HostError` with `.badName`, or with `.missingLibrary` for a name that is not in ASCII
  ///   where libidn2 is not installed.
  package static func toASCII(_ name: String) throws(HostError) -> String {
    if name.utf8.allSatisfy({ $0 < 0x80 }) { return name.lowercased() }
    // To the library the text would end at a zero byte.
    guard !name.utf8.contains(0) else { throw refusal(name, "it holds a zero byte") }
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
    // The mapping may bring out characters that no host name has, such as "/" from U+2100.
    guard ascii.utf8.allSatisfy(isHostByte) else {
      throw refusal(name, "it stands for \"\(ascii)\", which is no host name")
    }
    return ascii.lowercased()
  }

  /// What the two standards read differently: ß, final sigma and the joiners (UTS-46, section 7).
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
    HostError(.badName, operation: "write in ASCII the name", subject: name, detail: detail)
  }
}
