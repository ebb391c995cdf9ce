internal import CExpat
internal import CertctlBase

/// libexpat, loaded at first use.
@safe
struct Expat: Sendable {
  /// The functions; initialized before the first use, never freed.
  nonisolated(unsafe) let table: UnsafePointer<certctl_expat>

  /// The library, or the error of loading it.
  static let shared: Result<Expat, HostError> = load()

  private static func load() -> Result<Expat, HostError> {
    let table = UnsafeMutablePointer<certctl_expat>.allocate(capacity: 1)
    unsafe table.initialize(to: certctl_expat())
    if let missing = unsafe certctl_expat_load(table) {
      let name = unsafe String(cString: missing)
      return .failure(
        HostError(
          .missingLibrary, operation: "load", subject: "libexpat.so.1",
          detail: name.hasPrefix("lib") ? "it is not installed" : "the function \(name) is missing",
          hint: "run: apt-get install libexpat1"))
    }
    return .success(unsafe Expat(table: UnsafePointer(table)))
  }
}
