internal import CIDN2

/// libidn2, loaded at first use.
@safe
struct IDNLibrary: Sendable {
  /// The functions; initialized before the first use, never freed.
  private nonisolated(unsafe) let table: UnsafePointer<certctl_idn2>

  /// The library, or the error of loading it.
  static let shared: Result<IDNLibrary, HostError> = load()

  private static func load() -> Result<IDNLibrary, HostError> {
    let table = UnsafeMutablePointer<certctl_idn2>.allocate(capacity: 1)
    unsafe table.initialize(to: certctl_idn2())
    guard let missing = unsafe certctl_idn2_load(table) else {
      return .success(unsafe IDNLibrary(table: UnsafePointer(table)))
    }
    let name = unsafe String(cString: missing)
    return .failure(
      HostError(
        .missingLibrary, operation: "load", subject: "libidn2.so.0",
        detail: name.hasPrefix("lib") ? "it is not installed" : "the function \(name) is missing",
        hint: "run: apt-get install libidn2-0"))
  }

  /// The handling of characters that differ between IDNA 2003 and 2008 (UTS-46, section 4).
  enum Processing {
    /// IDNA 2008: "ß" is a letter of its own, and symbols are not allowed.
    case nontransitional
    /// IDNA 2003: "ß" becomes "ss", and symbols such as emoji are allowed.
    case transitional
  }

  /// The result of a conversion.
  enum Answer {
    /// The name in ASCII.
    case name(String)
    /// The name contains a disallowed character.
    case disallowed(String)
    /// The name is invalid for another reason, which the library describes.
    case refused(String)
  }

  /// Converts a name to ASCII, for a DNS lookup.
  func lookUp(_ name: String, _ processing: Processing) -> Answer {
    let flags =
      switch processing {
      case .nontransitional: certctl_idn2_nfc_input | certctl_idn2_nontransitional
      case .transitional: certctl_idn2_transitional
      }
    var ascii: UnsafeMutablePointer<UInt8>?
    let result = unsafe table.pointee.lookup_u8(Array(name.utf8) + [0], &ascii, flags)
    guard result == 0, let found = unsafe ascii else {
      let words = unsafe table.pointee.strerror(result).map { unsafe String(cString: $0) }
      let text = words ?? "error \(result)"
      return result == certctl_idn2_disallowed ? .disallowed(text) : .refused(text)
    }
    defer { unsafe table.pointee.free(found) }
    return .name(unsafe String(cString: found))
  }
}
