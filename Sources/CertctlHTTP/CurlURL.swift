internal import CCurl
internal import CertctlBase

/// A URL, parsed with the parser that curl also uses for the connection.
@safe
struct CurlURL: ~Copyable {
  private let curl: Curl
  private let handle: OpaquePointer

  /// Creates an empty URL.
  init() throws(HostError) {
    let curl = try Curl.shared.get()
    guard let handle = unsafe curl.table.pointee.url() else {
      throw HostError(.io, operation: "parse a URL", detail: "out of memory")
    }
    self.curl = curl
    unsafe self.handle = handle
  }

  deinit { unsafe curl.table.pointee.url_cleanup(handle) }

  /// Sets a part; returns curl's error text if it is invalid.
  ///
  /// If the part is the whole URL (`CURLUPART_URL`), a relative one is resolved against the current
  /// URL.
  func set(_ part: CURLUPart, _ text: String, flags: UInt32 = 0) -> String? {
    guard !text.utf8.contains(0) else { return "it contains a NUL byte" }
    return words(unsafe curl.table.pointee.url_set(handle, part, text, flags))
  }

  /// Returns a part; nil if the URL does not have it.
  func get(_ part: CURLUPart, flags: UInt32 = 0) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    let result = unsafe curl.table.pointee.url_get(handle, part, &text, flags)
    guard result == CURLUE_OK, let found = unsafe text else { return nil }
    defer { unsafe curl.table.pointee.free(found) }
    return unsafe String(cString: found)
  }

  private func words(_ result: CURLUcode) -> String? {
    guard result != CURLUE_OK else { return nil }
    guard let text = unsafe curl.table.pointee.url_strerror(result) else {
      return "error \(result.rawValue)"
    }
    return unsafe String(cString: text)
  }
}
