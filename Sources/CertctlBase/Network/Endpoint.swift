/// The address and port of a server.
package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
  /// An IPv4 or IPv6 address, such as "0.0.0.0" or "::", without brackets.
  package var host: String
  /// The port; with 0 the system chooses one.
  package var port: Int

  /// Creates an endpoint.
  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// The text, such as "192.0.2.1:80" or "[2001:db8::1]:80".
  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
