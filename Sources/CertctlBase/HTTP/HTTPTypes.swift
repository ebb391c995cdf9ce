/// What sends a request and brings the answer; the role that tests replace by a script.
public protocol HTTPClient: Sendable {
  /// Sends one request and returns the answer, whatever its status.
  ///
  /// - Throws: `HostError` when there is no answer, `CancellationError` when the task was cancelled.
  func send(_ request: HTTPRequest) async throws -> HTTPResponse
}

/// One header field.
public struct HTTPField: Sendable, Hashable {
  /// The name, in any case.
  public var name: String
  /// The value, without surrounding blanks.
  public var value: String

  /// Makes a field of its name and value.
  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// A request.
public struct HTTPRequest: Sendable {
  /// An HTTP method; open, as the protocol's.
  public struct Method: RawRepresentable, Hashable, Sendable {
    /// The method's word in the request line.
    public let rawValue: String

    /// Makes a method of its word.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Reads.
    public static let get = Method(rawValue: "GET")
    /// Reads the headers only.
    public static let head = Method(rawValue: "HEAD")
    /// Submits.
    public static let post = Method(rawValue: "POST")
    /// Replaces.
    public static let put = Method(rawValue: "PUT")
    /// Changes in part.
    public static let patch = Method(rawValue: "PATCH")
    /// Removes.
    public static let delete = Method(rawValue: "DELETE")
  }

  /// The method.
  public var method: Method
  /// An absolute http or https URL.
  public var url: String
  /// The header fields; User-Agent is the client's.
  public var headers: [HTTPField]
  /// The body, if there is one.
  public var body: [UInt8]?
  /// Whether redirects of a GET or HEAD are followed, ten at most and never from https to http.
  public var followsRedirects: Bool
  /// The time limit for the whole request, redirects included; nil stands for the client's.
  public var timeout: Duration?

  /// Makes a request.
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

/// An answer, whatever its status.
public struct HTTPResponse: Sendable {
  /// The status, such as 200.
  public var status: Int
  /// The header fields in the order in which they came.
  public var headers: [HTTPField]
  /// The body, within the client's limit.
  public var body: [UInt8]
  /// The URL that answered, which redirects may have changed.
  public var url: String

  /// Makes an answer.
  public init(status: Int, headers: [HTTPField] = [], body: [UInt8] = [], url: String = "") {
    self.status = status
    self.headers = headers
    self.body = body
    self.url = url
  }

  /// The first value of a field, whatever the case of its name.
  public func header(_ name: String) -> String? {
    let wanted = name.lowercased()
    return headers.first { $0.name.lowercased() == wanted }?.value
  }

  /// All values of a field, one per line that came.
  public func headers(_ name: String) -> [String] {
    let wanted = name.lowercased()
    return headers.filter { $0.name.lowercased() == wanted }.map(\.value)
  }
}
