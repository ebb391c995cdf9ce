internal import CLDNS
internal import CertctlBase

/// libldns, loaded at first use.
@safe
struct DNSLibrary: Sendable {
  /// The function table; written once before it is shared, never freed.
  nonisolated(unsafe) let table: UnsafePointer<certctl_ldns>

  /// The library, or the error of loading it.
  private static let shared: Result<DNSLibrary, HostError> = load()

  /// Returns the library.
  ///
  /// - Throws: `HostError` with `.missingLibrary`.
  static func use() throws(HostError) -> DNSLibrary { try shared.get() }

  private static func load() -> Result<DNSLibrary, HostError> {
    let table = UnsafeMutablePointer<certctl_ldns>.allocate(capacity: 1)
    unsafe table.initialize(to: certctl_ldns())
    guard let missing = unsafe certctl_ldns_load(table) else {
      return .success(unsafe DNSLibrary(table: UnsafePointer(table)))
    }
    let name = unsafe String(cString: missing)
    return .failure(
      HostError(
        .missingLibrary, operation: "load", subject: "libldns.so.3",
        detail: name.hasPrefix("lib") ? "it is not installed" : "it has no function \(name)",
        hint: "run: apt-get install libldns3"))
  }
}
