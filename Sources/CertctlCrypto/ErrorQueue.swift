import COpenSSL

/// OpenSSL's error queue, of which each thread has one.
enum ErrorQueue {
  /// Empties the queue, so that old entries are not attributed to the next call.
  static func clear() { ERR_clear_error() }

  /// Removes and returns all reasons in the queue, the first cause first.
  static func drain() -> [String] {
    var reasons: [String] = []
    while true {
      var data: UnsafePointer<CChar>?
      var flags: Int32 = 0
      let code = unsafe ERR_get_error_all(nil, nil, nil, &data, &flags)
      guard code != 0 else { return reasons }
      let text = unsafe reason(code, data: data, flags: flags)
      if reasons.last != text { reasons.append(text) }
    }
  }

  /// The reason number of the newest entry (`PEM_R_...`), which stays in the queue.
  static var lastReason: Int32 { ERR_GET_REASON(ERR_peek_last_error()) }

  private static func reason(
    _ code: UInt, data: UnsafePointer<CChar>?, flags: Int32
  ) -> String {
    var text = "error \(code)"
    if let words = unsafe ERR_reason_error_string(code) { text = unsafe String(cString: words) }
    if let data = unsafe data, flags & ERR_TXT_STRING != 0 {
      let detail = unsafe String(cString: data)
      if !detail.isEmpty { text += " (\(detail))" }
    }
    return text
  }
}

extension CryptoError {
  /// Creates an error from the contents of OpenSSL's queue, and empties the queue.
  static func drained(
    _ operation: String, code: Code = .openSSL, subject: String? = nil, hint: String? = nil
  ) -> CryptoError {
    CryptoError(
      code, operation: operation, subject: subject, reasons: ErrorQueue.drain(), hint: hint)
  }
}
