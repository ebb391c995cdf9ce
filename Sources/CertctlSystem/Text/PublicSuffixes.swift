internal import CPSL
package import CertctlBase

/// The public suffix list: the suffixes under which domains can be registered (publicsuffix.org).
///
/// The host provides it, as a library and a separate list, because it changes weekly.
@safe
package struct PublicSuffixes: Sendable {
  /// The functions and the list; initialized before the first use, never freed.
  private nonisolated(unsafe) let table: UnsafePointer<certctl_psl>
  private nonisolated(unsafe) let list: OpaquePointer

  /// The host's list, loaded at first use, or the error of loading it.
  package static let shared: Result<PublicSuffixes, HostError> = load()

  private static func load() -> Result<PublicSuffixes, HostError> {
    let table = UnsafeMutablePointer<certctl_psl>.allocate(capacity: 1)
    unsafe table.initialize(to: certctl_psl())
    if let missing = unsafe certctl_psl_load(table) {
      let name = unsafe String(cString: missing)
      return .failure(
        HostError(
          .missingLibrary, operation: "load", subject: "libpsl.so.5",
          detail: name.hasPrefix("lib") ? "it is not installed" : "the function \(name) is missing",
          hint: "run: apt-get install libpsl5 publicsuffix"))
    }
    guard let list = unsafe table.pointee.latest(nil) else {
      return .failure(
        HostError(
          .missingLibrary, operation: "load", subject: "the public suffix list",
          detail: "it is not installed", hint: "run: apt-get install publicsuffix"))
    }
    return .success(unsafe PublicSuffixes(table: UnsafePointer(table), list: list))
  }

  /// Returns the registered domain of a name: its public suffix and one more label.
  ///
  /// - Parameter name: An ASCII name in lower case, without a trailing dot.
  /// - Returns: The domain; nil for a name that is itself a public suffix.
  package func registeredDomain(of name: String) -> String? {
    guard !name.utf8.contains(0) else { return nil }
    return unsafe name.withCString { start in
      unsafe table.pointee.registrable_domain(list, start).map { unsafe String(cString: $0) }
    }
  }
}
