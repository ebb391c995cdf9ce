internal import CCurl
internal import CertctlBase

/// libcurl, loaded at first use.
@safe
struct Curl: Sendable {
  /// The functions; written once before anybody sees them, never freed.
  nonisolated(unsafe) let table: UnsafePointer<certctl_curl>

  /// The library, or the reason why it cannot be had.
  static let shared: Result<Curl, HostError> = load()

  private static func load() -> Result<Curl, HostError> {
    let table = UnsafeMutablePointer<certctl_curl>.allocate(capacity: 1)
    unsafe table.initialize(to: certctl_curl())
    if let missing = unsafe certctl_curl_load(table) {
      let name = unsafe String(cString: missing)
      return .failure(
        HostError(
          .missingLibrary, operation: "load", subject: "libcurl.so.4",
          detail: name.hasPrefix("lib") ? "it is not installed" : "it has no function \(name)",
          hint: "apt-get install libcurl4"))
    }
    // Signals are ours, and nothing else of the process uses libcurl: all is set up once.
    let status = unsafe table.pointee.global_init(Int(CURL_GLOBAL_DEFAULT))
    guard status == CURLE_OK else {
      return .failure(
        HostError(.missingLibrary, operation: "start", subject: "libcurl.so.4"))
    }
    return .success(unsafe Curl(table: UnsafePointer(table)))
  }

  /// curl's words for a result.
  func text(of result: CURLcode) -> String {
    guard let text = unsafe table.pointee.easy_strerror(result) else {
      return "error \(result.rawValue)"
    }
    return unsafe String(cString: text)
  }
}
