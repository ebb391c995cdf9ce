public import CertctlBase

/// HTTP over libcurl: one thread, HTTP/2 where the server has it, one connection per server.
///
/// Proxies come from the environment, as curl reads it (`https_proxy`, `no_proxy`, …). The client
/// closes when its last reference goes.
public final class CurlHTTPClient: HTTPClient {
  /// Which addresses of a server are used.
  public enum AddressFamily: Sendable, Hashable {
    /// Whatever the name has.
    case any
    /// IPv4 only.
    case v4
    /// IPv6 only.
    case v6
  }

  /// What holds for all requests of a client.
  public struct Configuration: Sendable {
    /// The User-Agent header.
    public var userAgent: String
    /// A PEM file with the certificates to trust, instead of the system's; nil trusts the system's.
    public var caBundle: String?
    /// The time limit for the connection, TLS included.
    public var connectTimeout: Duration
    /// The time limit for a request, unless it brings its own.
    public var timeout: Duration
    /// The largest body that is accepted.
    public var maximumResponseBytes: Int
    /// The largest sum of header lines that is accepted.
    public var maximumHeaderBytes: Int
    /// Which addresses are used.
    public var addressFamily: AddressFamily
    /// Whether the proxies of the environment are used; not for what is on this machine.
    public var usesProxy: Bool
    /// The Unix socket that all requests go to, whatever host their URL names; nil for TCP.
    public var unixSocket: String?

    /// Makes a configuration.
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

  /// How many redirects are followed.
  static let maximumRedirects = 10

  private let configuration: Configuration
  private let engine: CurlEngine

  /// Makes a client; nothing is loaded or started before the first request.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    engine = CurlEngine(configuration)
  }

  deinit { engine.close() }

  /// Ends the thread; what is under way fails with `.closed`, as does what comes later.
  public func close() { engine.close() }

  /// Sends one request, and follows redirects if the request says so.
  ///
  /// Redirects are followed here and not by curl: each hop waits for its own server's connection, and
  /// none leads from https to http. Credentials stay with the server they were meant for.
  ///
  /// - Throws: `HostError`, or `CancellationError` when the task was cancelled; by then curl has
  ///   forgotten the transfer.
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
      detail: "there are more than \(Self.maximumRedirects)")
  }

  private static func redirect(
    _ request: HTTPRequest, to location: String?
  ) throws(HostError) -> HTTPRequest {
    guard let location else {
      throw HostError(
        .redirectRefused, operation: "follow the redirect of", subject: request.url,
        detail: "it names no address")
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
