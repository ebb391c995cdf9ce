internal import CCurl
internal import CertctlBase

/// Converts curl's result of a failed transfer to an error.
struct CurlFailure {
  let result: CURLcode
  /// curl's message; may be empty.
  let text: String
  /// Whether any byte of the request left this host.
  let wasSent: Bool
  let osError: Int32
  let request: HTTPRequest
  let configuration: CurlHTTPClient.Configuration

  func error(_ curl: Curl) -> HostError {
    let (code, hint, isRetryable) = classify()
    return HostError(
      code, operation: "send a request to", subject: request.url,
      errnoCode: osError != 0 && code == .connectFailed ? osError : nil,
      detail: detail(code, curl), hint: hint, isRetryable: isRetryable)
  }

  private func detail(_ code: HostError.Code, _ curl: Curl) -> String {
    if code == .responseTooLarge {
      return "the response exceeds \(configuration.maximumResponseBytes) bytes, or its header "
        + "\(configuration.maximumHeaderBytes) bytes"
    }
    return text.isEmpty ? curl.text(of: result) : text
  }

  private func classify() -> (HostError.Code, hint: String?, isRetryable: Bool?) {
    switch result {
    case CURLE_COULDNT_RESOLVE_HOST:
      (.resolveFailed, "check the name and this host's DNS settings", nil)
    case CURLE_COULDNT_RESOLVE_PROXY: (.resolveFailed, Self.proxyHint, nil)
    // Only the CONNECT request was sent, and the proxy rejected it.
    case CURLE_RECV_ERROR where text.hasPrefix("CONNECT tunnel failed"),
      CURLE_COULDNT_CONNECT where text.hasPrefix("CONNECT tunnel failed"):
      (.connectFailed, Self.proxyHint, text.contains("response 5"))
    case CURLE_COULDNT_CONNECT:
      (.connectFailed, "check that the server is running and no firewall blocks it", nil)
    case CURLE_PROXY: (.connectFailed, Self.proxyHint, nil)
    case CURLE_OPERATION_TIMEDOUT: (.timedOut, nil, nil)
    case CURLE_SSL_CONNECT_ERROR where isBroken: (.tlsFailed, nil, true)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR: (.tlsFailed, trustHint, nil)
    case CURLE_SSL_CACERT_BADFILE:
      configuration.caBundle == nil
        ? (.tlsFailed, "run: apt-get install ca-certificates", nil)
        : (.badCABundle, "set --ca-bundle to a readable PEM file", nil)
    case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED,
      CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      (.tlsFailed, "check that the server supports TLS 1.2 or 1.3", nil)
    case CURLE_FILESIZE_EXCEEDED, CURLE_WRITE_ERROR: (.responseTooLarge, nil, nil)
    case CURLE_UNSUPPORTED_PROTOCOL where wasSent:
      (.transferFailed, "check that the URL leads to an HTTP server", false)
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: (.unsupportedURL, nil, nil)
    default: (wasSent ? .transferFailed : .requestNotSent, nil, nil)
    }
  }

  /// Whether the handshake was interrupted rather than refused.
  private var isBroken: Bool {
    text.contains("SSL_ERROR_SYSCALL") || text.contains("reset by peer")
      || text.contains("unexpected eof")
  }

  private var trustHint: String {
    configuration.caBundle.map { "check that \($0) contains the certificate of the server's CA" }
      ?? "if the server's certificate is from a private CA, use --ca-bundle FILE"
  }

  private static let proxyHint = "check the proxy in https_proxy, http_proxy or all_proxy"
}
