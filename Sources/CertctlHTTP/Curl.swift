internal import CCurl
internal import CertctlBase

/// libcurl, loaded at first use.
@safe
struct Curl: Sendable {
  /// The functions; initialized before the first use, never freed.
  nonisolated(unsafe) let table: UnsafePointer<certctl_curl>

  /// The library, or the error of loading it.
  static let shared: Result<Curl, HostError> = load()

  private static func load() -> Result<Curl, HostError> {
    let table = UnsafeMutablePointer<certctl_curl>.allocate(capacity: 1)
    unsafe table.initialize(to: certctl_curl())
    if let missing = unsafe certctl_curl_load(table) {
      let name = unsafe String(cString: missing)
      return .failure(
        HostError(
          .missingLibrary, operation: "load", subject: "libcurl.so.4",
          detail: name.hasPrefix("lib") ? "it is not installed" : "the function \(name) is missing",
          hint: "run: apt-get install libcurl4"))
    }
    // Everything can be set up here: certctl handles signals itself, and nothing else uses libcurl.
    let status = unsafe table.pointee.global_init(Int(CURL_GLOBAL_DEFAULT))
    guard status == CURLE_OK else {
      return .failure(
        HostError(.missingLibrary, operation: "initialize", subject: "libcurl.so.4"))
    }
    return .success(unsafe Curl(table: UnsafePointer(table)))
  }

  /// Returns curl's text for a result.
  func text(of result: CURLcode) -> String {
    guard let text = unsafe table.pointee.easy_strerror(result) else {
      return "error \(result.rawValue)"
    }
    return unsafe String(cString: text)
  }
}
