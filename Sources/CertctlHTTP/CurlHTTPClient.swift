public import CertctlBase

/// An HTTP client that uses libcurl: one thread, and one connection per server, with HTTP/2 if
/// possible.
///
/// It uses the proxies in the environment like curl (`https_proxy`, `no_proxy`, …). The client
/// closes with its last reference.
public final class CurlHTTPClient: HTTPClient {
  /// The address families for connections.
  public enum AddressFamily: Sendable, Hashable {
    /// All addresses of a name.
    case any
    /// IPv4 only.
    case v4
    /// IPv6 only.
    case v6
  }

  /// The settings for all requests of a client.
  public struct Configuration: Sendable {
    /// The User-Agent header.
    public var userAgent: String
    /// A PEM file of certificates to trust instead of the system's; nil trusts the system's.
    public var caBundle: String?
    /// The time limit for connecting, including TLS.
    public var connectTimeout: Duration
    /// The time limit for a request that has none itself.
    public var timeout: Duration
    /// The maximum size of a body.
    public var maximumResponseBytes: Int
    /// The maximum total size of the header lines.
    public var maximumHeaderBytes: Int
    /// The address families for connections.
    public var addressFamily: AddressFamily
    /// Whether to use the proxies in the environment; false for servers on this host.
    public var usesProxy: Bool
    /// The Unix socket for all requests, whatever the host in their URL; nil for TCP.
    public var unixSocket: String?

    /// Creates a configuration.
    public init(
      userAgent: String, caBundle: String? = nil, connectTimeout: Duration = .seconds(10),
      timeout: Duration = .seconds(60), maximumResponseBytes: Int = 4 << 20,
      maximumHeaderBytes: Int = 64 << 10, addressFamily: AddressFamily = .any,
      usesProxy: Bool = true, unixSocket: String? = nil
    ) {
      self.userAgent = userAgent
      self.caBundle = caBundle
      self.connectTimeout = connectTimeout
      self.timeout = timeout
      self.maximumResponseBytes = maximumResponseBytes
      self.maximumHeaderBytes = maximumHeaderBytes
      self.addressFamily = addressFamily
      self.usesProxy = usesProxy
      self.unixSocket = unixSocket
    }
  }

  /// The maximum number of redirects.
  static let maximumRedirects = 10

  private let configuration: Configuration
  private let engine: CurlEngine

  /// Creates a client; nothing is loaded or started before the first request.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    engine = CurlEngine(configuration)
  }

  deinit { engine.close() }

  /// Ends the thread; pending and later requests fail with `.closed`.
  public func close() { engine.close() }

  /// Sends one request, and follows redirects if the request allows it.
  ///
  /// The client follows redirects instead of curl: each hop waits for its own server's connection,
  /// and none leads from https to http. Credentials are not sent to other servers.
  ///
  /// - Throws: `HostError`, or `CancellationError` when the task was cancelled; by then curl has
  ///   dropped the transfer.
  public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    try Task.checkCancellation()
    if let bundle = configuration.caBundle { try await CABundle.check(bundle) }
    let limit = request.timeout ?? configuration.timeout
    let start = ContinuousClock.now
    var request = request
    for _ in 0...Self.maximumRedirects {
      request.timeout = limit - (ContinuousClock.now - start)
      let (response, location) = try await engine.perform(request)
      guard request.followsRedirects, [.get, .head].contains(request.method),
        [301, 302, 303, 307, 308].contains(response.status)
      else { return response }
      request = try Self.redirect(request, to: location)
    }
    throw HostError(
      .redirectRefused, operation: "follow the redirects of", subject: request.url,
      detail: "more than \(Self.maximumRedirects) redirects")
  }

  private static func redirect(
    _ request: HTTPRequest, to location: String?
  ) throws(HostError) -> HTTPRequest {
    guard let location else {
      throw HostError(
        .redirectRefused, operation: "follow the redirect of", subject: request.url,
        detail: "it has no valid location")
    }
    let (old, new) = (try Origin(request.url), try Origin(location))
    guard old.scheme == "http" || new.scheme == "https" else {
      throw HostError(
        .redirectRefused, operation: "follow the redirect of", subject: request.url,
        detail: "it leads from https to \(location)")
    }
    var next = request
    next.url = location
    if old != new {
      next.headers.removeAll {
        ["authorization", "cookie", "proxy-authorization"].contains($0.name.lowercased())
      }
    }
    return next
  }
}
