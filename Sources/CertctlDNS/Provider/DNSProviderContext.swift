package import CertctlBase
package import CertctlCore

/// The settings and the environment of a provider.
package struct DNSProviderContext: Sendable {
  /// The provider's descriptor.
  package let descriptor: DNSProviderDescriptor
  /// The argument after the colon of `--dns NAME:ARGUMENT`; nil for none.
  package let argument: String?
  /// The network, the clock, the programs and the console.
  package let environment: Environment
  private let values: [String: String]

  /// Creates a context.
  ///
  /// - Parameters:
  ///   - descriptor: The provider's descriptor.
  ///   - values: The settings that are set, keyed by their primary names.
  ///   - argument: The argument after the colon.
  ///   - environment: The network, the clock, the programs and the console.
  package init(
    _ descriptor: DNSProviderDescriptor, values: [String: String], argument: String? = nil,
    environment: Environment
  ) {
    self.descriptor = descriptor
    self.values = values
    self.argument = argument
    self.environment = environment
  }

  /// Returns the value of a setting, or its default.
  ///
  /// - Throws: `CertctlError` with code `configuration` if there is neither.
  package func value(_ name: String) throws -> String {
    if let value = optional(name) { return value }
    throw CertctlError(
      .configuration, "\(descriptor.title) requires \(name), which is not set",
      hint: "run: certctl dns-providers \(descriptor.name)")
  }

  /// Returns the value of an optional setting, or its default; nil if it is empty.
  package func optional(_ name: String) -> String? {
    let fallback = descriptor.settings.first { $0.name == name }?.fallback
    return (values[name] ?? fallback).flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The TTL of the records, in seconds.
  package var ttl: Int { descriptor.ttl }

  /// The values that must not be printed.
  package var secrets: [String] {
    descriptor.settings.filter(\.isSecret).compactMap { values[$0.name] }
      .filter { $0.utf8.count >= 4 }
  }

  /// Returns the error about an invalid setting, without its value.
  package func wrong(_ name: String, _ what: String) -> CertctlError {
    CertctlError(.configuration, "\(name) \(what)", hint: "see \(descriptor.documentation)")
  }

  /// Creates a client for the HTTP API of the service.
  ///
  /// - Parameters:
  ///   - base: The base URL, such as `https://api.example.com/v1`.
  ///   - headers: The header fields of each request, such as the token.
  ///   - secrets: More values that must not be printed, such as a token derived from the settings.
  ///   - caBundle: A PEM file with the CA certificates to trust.
  /// - Returns: The client.
  /// - Throws: `HostError` for an unusable PEM file.
  package func api(
    _ base: String, headers: [HTTPField] = [], secrets: [String] = [], caBundle: String? = nil
  ) throws -> VendorAPI {
    VendorAPI(
      title: descriptor.title, base: base, headers: headers,
      http: try environment.client(caBundle: caBundle), clock: environment.clock,
      secrets: self.secrets + secrets,
      credentials: descriptor.settings.filter(\.isSecret).map(\.name))
  }
}
