/// An HTTP client; tests replace it with a script.
public protocol HTTPClient: Sendable {
  /// Sends one request and returns the response, whatever its status.
  ///
  /// - Throws: `HostError` if there is no response, `CancellationError` if the task was cancelled.
  func send(_ request: HTTPRequest) async throws -> HTTPResponse
}

/// One header field.
public struct HTTPField: Sendable, Hashable {
  /// The name, in any case.
  public var name: String
  /// The value, without surrounding whitespace.
  public var value: String

  /// Creates a field.
  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// An HTTP request.
public struct HTTPRequest: Sendable {
  /// An HTTP method: an open set.
  public struct Method: RawRepresentable, Hashable, Sendable {
    /// The name in the request line.
    public let rawValue: String

    /// Creates a method from its name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Retrieves a resource.
    public static let get = Method(rawValue: "GET")
    /// Retrieves only the headers.
    public static let head = Method(rawValue: "HEAD")
    /// Submits data.
    public static let post = Method(rawValue: "POST")
    /// Replaces a resource.
    public static let put = Method(rawValue: "PUT")
    /// Modifies a resource.
    public static let patch = Method(rawValue: "PATCH")
    /// Deletes a resource.
    public static let delete = Method(rawValue: "DELETE")
  }

  /// The method.
  public var method: Method
  /// An absolute http or https URL.
  public var url: String
  /// The header fields, without User-Agent, which the client sets.
  public var headers: [HTTPField]
  /// The body; nil for none.
  public var body: [UInt8]?
  /// Whether redirects of a GET or HEAD are followed, ten at most and never from https to http.
  public var followsRedirects: Bool
  /// The time limit for the whole request including redirects; nil for the client's default.
  public var timeout: Duration?

  /// Creates a request.
  public init(
    _ method: Method = .get, _ url: String, headers: [HTTPField] = [], body: [UInt8]? = nil,
    followsRedirects: Bool = false, timeout: Duration? = nil
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.followsRedirects = followsRedirects
    self.timeout = timeout
  }
}

/// An HTTP response, whatever its status.
public struct HTTPResponse: Sendable {
  /// The status, such as 200.
  public var status: Int
  /// The header fields in the order of the response.
  public var headers: [HTTPField]
  /// The body, within the client's limit.
  public var body: [UInt8]
  /// The URL of the response, which differs from the request's after a redirect.
  public var url: String

  /// Creates a response.
  public init(status: Int, headers: [HTTPField] = [], body: [UInt8] = [], url: String = "") {
    self.status = status
    self.headers = headers
    self.body = body
    self.url = url
  }

  /// Returns the first value of a field; the name is case-insensitive.
  public func header(_ name: String) -> String? {
    let wanted = name.lowercased()
    return headers.first { $0.name.lowercased() == wanted }?.value
  }

  /// Returns all values of a field, one for each header line; the name is case-insensitive.
  public func headers(_ name: String) -> [String] {
    let wanted = name.lowercased()
    return headers.filter { $0.name.lowercased() == wanted }.map(\.value)
  }
}
