internal import CPSL
package import CertctlBase

/// The list of the suffixes under which strangers register domains (publicsuffix.org).
///
/// It comes with the host, as a library and the newest list beside it, because it changes weekly.
@safe
package struct PublicSuffixes: Sendable {
  /// The functions and the list; written once before anybody sees them, never freed.
  private nonisolated(unsafe) let table: UnsafePointer<certctl_psl>
  private nonisolated(unsafe) let list: OpaquePointer

  /// The host's list, loaded at first use, or the reason why there is none.
  package static let shared: Result<PublicSuffixes, HostError> = load()

  private static func load() -> Result<PublicSuffixes, HostError> {
    let table = UnsafeMutablePointer<certctl_psl>.allocate(capacity: 1)
    unsafe table.initialize(to: certctl_psl())
    if let missing = unsafe certctl_psl_load(table) {
      let name = unsafe String(cString: missing)
      return .failure(
        HostError(
          .missingLibrary, operation: "load", subject: "libpsl.so.5",
          detail: name.hasPrefix("lib") ? "it is not installed" : "it has no function \(name)",
          hint: "apt-get install libpsl5 publicsuffix"))
    }
    guard let list = unsafe table.pointee.latest(nil) else {
      return .failure(
        HostError(
          .missingLibrary, operation: "load", subject: "the public suffix list",
          detail: "there is none", hint: "apt-get install publicsuffix"))
    }
    return .success(unsafe PublicSuffixes(table: UnsafePointer(table), list: list))
  }

  /// The registered domain of a name: its suffix and one label more.
  ///
  /// - Parameter name: A name in ASCII and lower case, without a dot at its end.
  /// - Returns: The domain; nil for a name that is a suffix itself.
  package func registeredDomain(of name: String) -> String? {
    guard !name.utf8.contains(0) else { return nil }
    return unsafe name.withCString { start in
      unsafe table.pointee.registrable_domain(list, start).map { unsafe String(cString: $0) }
    }
  }
}
