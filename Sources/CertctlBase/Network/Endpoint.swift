/// An address and a port, where somebody listens.
package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
  /// An IPv4 or IPv6 address, such as "0.0.0.0" or "::"; never a bracket.
  package var host: String
  /// The port; 0 lets the system choose.
  package var port: Int

  /// Makes an endpoint.
  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// "192.0.2.1:80" or "[2001:db8::1]:80".
  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
