internal import CCurl
internal import CertctlBase

/// One curl transfer; used on curl's thread only.
@safe
final class EasyHandle {
  let handle: UnsafeMutableRawPointer
  let transfer: Transfer
  private let curl: Curl
  private let configuration: CurlHTTPClient.Configuration
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private let errorText: UnsafeMutablePointer<CChar>
  fileprivate(set) var headers: [HTTPField] = []
  fileprivate(set) var body: [UInt8] = []
  private var headerBytes = 0
  private var isTooLarge = false

  init(
    _ curl: Curl, _ transfer: Transfer, _ configuration: CurlHTTPClient.Configuration
  ) throws(HostError) {
    guard let handle = unsafe curl.table.pointee.easy_init() else {
      throw HostError(.io, operation: "create a request", detail: "out of memory")
    }
    unsafe self.handle = unsafe handle
    self.curl = curl
    self.transfer = transfer
    self.configuration = configuration
    unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    setUp()
  }

  deinit {
    unsafe curl.table.pointee.easy_cleanup(handle)
    unsafe curl.table.pointee.slist_free_all(headerList)
    unsafe errorText.deallocate()
  }

  /// Whether the connection is multiplexed.
  var isMultiplexed: Bool { number(CURLINFO_HTTP_VERSION) >= CURL_HTTP_VERSION_2_0 }

  /// Returns the response or the error of a finished transfer.
  func answer(_ result: CURLcode) -> Result<Transfer.Answer, HostError> {
    guard result == CURLE_OK, !isTooLarge else {
      return .failure(
        CurlFailure(
          result: isTooLarge ? CURLE_FILESIZE_EXCEEDED : result,
          text: unsafe String(cString: errorText),
          wasSent: number(CURLINFO_REQUEST_SIZE) > 0, osError: Int32(number(CURLINFO_OS_ERRNO)),
          request: transfer.request, configuration: configuration
        ).error(curl))
    }
    let response = HTTPResponse(
      status: number(CURLINFO_RESPONSE_CODE), headers: headers, body: body,
      url: transfer.request.url)
    return .success((response, text(CURLINFO_REDIRECT_URL)))
  }

  private func number(_ info: CURLINFO) -> Int {
    unsafe certctl_curl_get_long(curl.table, handle, info)
  }

  private func text(_ info: CURLINFO) -> String? {
    guard let text = unsafe certctl_curl_get_string(curl.table, handle, info) else { return nil }
    return unsafe String(cString: text)
  }

  private func set(_ option: CURLoption, _ value: Int) {
    unsafe certctl_curl_set_long(curl.table, handle, option, value)
  }

  private func set(_ option: CURLoption, _ value: String) {
    // curl copies strings.
    unsafe certctl_curl_set_string(curl.table, handle, option, value)
  }

  private func setUp() {
    set(CURLOPT_URL, transfer.request.url)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_USERAGENT, configuration.userAgent)
    set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
    set(CURLOPT_PIPEWAIT, 1)
    set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
    set(CURLOPT_CONNECTTIMEOUT_MS, max(1, configuration.connectTimeout.milliseconds))
    set(CURLOPT_TIMEOUT_MS, max(1, (transfer.deadline - .now).milliseconds))
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    // An empty string also keeps curl from reading the environment.
    if !configuration.usesProxy { set(CURLOPT_PROXY, "") }
    // Do not wait for the thread of a cancelled name lookup.
    set(CURLOPT_QUICK_EXIT, 1)
    // Refuse bodies that are announced as too large. The response to a HEAD announces one but has
    // none.
    if transfer.request.method != .head {
      unsafe certctl_curl_set_offset(
        curl.table, handle, CURLOPT_MAXFILESIZE_LARGE, Int64(configuration.maximumResponseBytes))
    }
    if let socket = configuration.unixSocket { set(CURLOPT_UNIX_SOCKET_PATH, socket) }
    if let bundle = configuration.caBundle {
      set(CURLOPT_CAINFO, bundle)
      // Otherwise Debian's curl would also trust the system's certificate directory.
      unsafe certctl_curl_set_pointer(curl.table, handle, CURLOPT_CAPATH, nil)
    }
    switch configuration.addressFamily {
    case .any: break
    case .v4: set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V4))
    case .v6: set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V6))
    }
    setMethod()
    setHeaders()
    setCallbacks()
  }

  private func setMethod() {
    let request = transfer.request
    if let body = request.body {
      unsafe certctl_curl_set_offset(
        curl.table, handle, CURLOPT_POSTFIELDSIZE_LARGE, Int64(body.count))
      unsafe body.withUnsafeBytes { bytes in
        // COPYPOSTFIELDS copies the size set above, and needs a valid address even for no bytes.
        var nothing: UInt8 = 0
        let start = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        unsafe withUnsafeMutablePointer(to: &nothing) { empty in
          _ = unsafe certctl_curl_set_pointer(
            curl.table, handle, CURLOPT_COPYPOSTFIELDS, start ?? UnsafeMutableRawPointer(empty))
        }
      }
    } else if request.method == .post {
      set(CURLOPT_POST, 1)
      unsafe certctl_curl_set_offset(curl.table, handle, CURLOPT_POSTFIELDSIZE_LARGE, 0)
    }
    switch request.method {
    case .head: set(CURLOPT_NOBODY, 1)
    case .get where request.body == nil: set(CURLOPT_HTTPGET, 1)
    case .post: break
    default: set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    }
  }

  private func setHeaders() {
    var lines = transfer.request.headers.map { field in
      field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)"
    }
    let names = Set(transfer.request.headers.map { $0.name.lowercased() })
    // Remove the headers that curl would add.
    for name in ["Expect", "Content-Type"] where !names.contains(name.lowercased()) {
      lines.append("\(name):")
    }
    for line in lines {
      if let list = unsafe curl.table.pointee.slist_append(headerList, line) {
        unsafe headerList = unsafe list
      }
    }
    _ = unsafe certctl_curl_set_pointer(curl.table, handle, CURLOPT_HTTPHEADER, headerList)
  }

  private func setCallbacks() {
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    _ = unsafe certctl_curl_set_pointer(curl.table, handle, CURLOPT_ERRORBUFFER, errorText)
    _ = unsafe certctl_curl_set_pointer(curl.table, handle, CURLOPT_WRITEDATA, context)
    _ = unsafe certctl_curl_set_pointer(curl.table, handle, CURLOPT_HEADERDATA, context)
    _ = unsafe certctl_curl_set_sink(curl.table, handle, CURLOPT_WRITEFUNCTION) {
      unsafe EasyHandle.pass($0, $1 * $2, $3) { unsafe $0.receive(body: $1) }
    }
    _ = unsafe certctl_curl_set_sink(curl.table, handle, CURLOPT_HEADERFUNCTION) {
      unsafe EasyHandle.pass($0, $1 * $2, $3) { unsafe $0.receive(header: $1) }
    }
  }

  /// Passes a callback's bytes to the object; returning another count aborts the transfer.
  private static func pass(
    _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
    _ body: (EasyHandle, UnsafeRawBufferPointer) -> Bool
  ) -> Int {
    guard let context = unsafe context else { return 0 }
    let easy = unsafe Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue()
    return unsafe body(easy, UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
  }

  private func receive(body bytes: UnsafeRawBufferPointer) -> Bool {
    guard body.count + bytes.count <= configuration.maximumResponseBytes else {
      isTooLarge = true
      return false
    }
    unsafe body.append(contentsOf: bytes)
    return true
  }

  private func receive(header bytes: UnsafeRawBufferPointer) -> Bool {
    headerBytes += bytes.count
    guard headerBytes <= configuration.maximumHeaderBytes else {
      isTooLarge = true
      return false
    }
    let line = unsafe bytes.prefix { $0 != 10 && $0 != 13 }
    // A status line starts a new response: 100 Continue precedes the final one.
    if unsafe line.starts(with: "HTTP/".utf8) {
      headers = []
    } else if let colon = unsafe line.firstIndex(of: UInt8(ascii: ":")) {
      let value = unsafe line[line.index(after: colon)...]
      let isBlank: (UInt8) -> Bool = { $0 == 32 || $0 == 9 }
      let head = unsafe value.drop(while: isBlank)
      let end = unsafe head.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? head.startIndex
      headers.append(
        HTTPField(
          name: unsafe String(decoding: line[..<colon], as: UTF8.self),
          value: unsafe String(decoding: head[..<end], as: UTF8.self)))
    }
    return true
  }
}

extension Duration {
  /// The duration in milliseconds, rounded up, limited to the range of curl's `long`.
  var milliseconds: Int {
    let (seconds, attoseconds) = components
    guard seconds < Int64.max / 1_000 - 1 else { return .max }
    let rest = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    return Int(seconds * 1_000 + rest)
  }
}
