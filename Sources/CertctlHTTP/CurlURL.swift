internal import CCurl
internal import CertctlBase

/// A URL in the hands of curl's parser, the same one that will later connect to it.
@safe
struct CurlURL: ~Copyable {
  private let curl: Curl
  private let handle: OpaquePointer

  /// Makes an empty URL.
  init() throws(HostError) {
    let curl = try Curl.shared.get()
    guard let handle = unsafe curl.table.pointee.url() else {
      throw HostError(.io, operation: "parse an address", detail: "out of memory")
    }
    self.curl = curl
    unsafe self.handle = handle
  }

  deinit { unsafe curl.table.pointee.url_cleanup(handle) }

  /// Sets a part and returns curl's words for what is wrong with it.
  ///
  /// As a whole (`CURLUPART_URL`), a relative one is resolved against what is already there.
  func set(_ part: CURLUPart, _ text: String, flags: UInt32 = 0) -> String? {
    guard !text.utf8.contains(0) else { return "it has a zero byte" }
    return words(unsafe curl.table.pointee.url_set(handle, part, text, flags))
  }

  /// Reads a part; nil when it is not there.
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
