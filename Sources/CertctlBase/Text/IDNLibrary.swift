internal import CIDN2

/// libidn2, loaded at first use.
@safe
struct IDNLibrary: Sendable {
  /// The functions; written once before anybody sees them, never freed.
  private nonisolated(unsafe) let table: UnsafePointer<certctl_idn2>

  /// The library, or the reason why it cannot be had.
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
        detail: name.hasPrefix("lib") ? "it is not installed" : "it has no function \(name)",
        hint: "apt-get install libidn2-0"))
  }

  /// How differences between the standards of 2003 and 2008 are settled (UTS-46, section 4).
  enum Processing {
    /// By the newer one: "ß" stays a letter of its own, and symbols are no letters.
    case nontransitional
    /// By the older one: "ß" is "ss", and symbols such as emoji are allowed.
    case transitional
  }

  /// What the library makes of a name.
  enum Answer {
    /// The name in ASCII.
    case name(String)
    /// It holds a character that is not allowed.
    case disallowed(String)
    /// It is wrong in another way, in the library's words.
    case refused(String)
  }

  /// The name in ASCII, as it is looked up in the DNS.
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
