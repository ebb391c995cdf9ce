/// A TLS-terminating nginx in front of an ACME server that logs requests and connections.
package struct LoggingProxy: Sendable {
  /// The directory URL at the proxy, to which all URLs in responses lead too.
  package let directoryURL: String
  package let caBundlePath: String
  private let nginx: NginxServer

  /// A logged request.
  package struct Request: Sendable, Hashable {
    /// nginx's number for the TCP connection.
    package let connection: Int
    /// When the connection was opened and the request completed, in seconds since 1970.
    package let connectionStart: Double
    package let end: Double
    /// "HTTP/2.0" or "HTTP/1.1".
    package let httpVersion: String
    package let method: String
    package let path: String
    package let status: Int
    package let userAgent: String
  }

  /// Runs a proxy in front of Pebble around `body`.
  package static func run<Result: Sendable>(
    to pebble: Pebble, http2: Bool = true, _ body: (LoggingProxy) async throws -> Result
  ) async throws -> Result {
    try await run(
      to: String(pebble.directoryURL.dropLast("/dir".count)), directory: "/dir",
      certificate: pebble.certificate, http2: http2, body)
  }

  /// Runs a proxy around `body`, in front of a server whose directory has this path.
  ///
  /// `upstream` is an http or https URL without a path. Its certificate is not verified.
  package static func run<Result: Sendable>(
    to upstream: String, directory: String, certificate: ServerCertificate, http2: Bool = true,
    namespace: NetworkNamespace? = nil, _ body: (LoggingProxy) async throws -> Result
  ) async throws -> Result {
    let port = try FreePort.pick()
    let fields = [
      "$connection", "$connection_time", "$msec", "$server_protocol", "$request_method",
      "$request_uri", "$status", "$http_user_agent",
    ]
    let http = """
      log_format requests '\(fields.joined(separator: "|"))';
      access_log requests.log requests;
      server {
        listen 127.0.0.1:\(port) ssl\(http2 ? " http2" : "");
        ssl_certificate \(certificate.certificatePath);
        ssl_certificate_key \(certificate.keyPath);
        location / {
          proxy_pass \(upstream);
          proxy_http_version 1.1;
          proxy_set_header Host $http_host;
        }
      }
      """
    return try await NginxServer.run(http: http, ports: [port], namespace: namespace) { nginx in
      try await body(
        LoggingProxy(
          directoryURL: "https://127.0.0.1:\(port)\(directory)",
          caBundlePath: certificate.certificatePath, nginx: nginx))
    }
  }

  /// The requests so far, in order of completion.
  package var requests: [Request] {
    (nginx.folder.read("requests.log") ?? "").split(separator: "\n").compactMap { line in
      let fields = line.split(
        separator: "|", maxSplits: 7, omittingEmptySubsequences: false
      ).map(String.init)
      guard fields.count == 8, let connection = Int(fields[0]), let age = Double(fields[1]),
        let end = Double(fields[2]), let status = Int(fields[6])
      else { return nil }
      return Request(
        connection: connection, connectionStart: end - age, end: end, httpVersion: fields[3],
        method: fields[4], path: fields[5], status: status, userAgent: fields[7])
    }
  }

  /// The number of TCP connections that carried the requests so far.
  package var connectionCount: Int { Set(requests.map(\.connection)).count }

  /// The maximum number of simultaneous TCP connections.
  ///
  /// A connection counts from its start to the end of its last request, without later idle time.
  package var mostConnectionsAtOnce: Int {
    let spans = Dictionary(grouping: requests, by: \.connection).values.map { group in
      (
        start: group.map(\.connectionStart).min() ?? 0, end: group.map(\.end).max() ?? 0
      )
    }
    return spans.map { span in
      spans.count { $0.start <= span.start && span.start < $0.end }
    }.max() ?? 0
  }

  /// Clears the log.
  package func forgetRequests() throws {
    // nginx opens its log for appending, so emptying the file is enough.
    try nginx.folder.write("requests.log", "")
  }
}
