package import CertctlBase
package import CertctlCore

/// What a provider works with: its settings and the outer world.
package struct DNSProviderContext: Sendable {
  /// The provider's descriptor.
  package let descriptor: DNSProviderDescriptor
  /// What stood after the word and the colon; nil when nothing did.
  package let argument: String?
  /// Network, clock, programs, and the person who watches.
  package let environment: Environment
  private let values: [String: String]

  /// A context.
  ///
  /// - Parameters:
  ///   - descriptor: The provider's descriptor.
  ///   - values: The settings that were given, by the first of their names.
  ///   - argument: What stood after the word and the colon.
  ///   - environment: The outer world.
  package init(
    _ descriptor: DNSProviderDescriptor, values: [String: String], argument: String? = nil,
    environment: Environment
  ) {
    self.descriptor = descriptor
    self.values = values
    self.argument = argument
    self.environment = environment
  }

  /// A setting; its fallback when it was not given.
  ///
  /// - Throws: `CertctlError` with code `configuration` when there is neither.
  package func value(_ name: String) throws -> String {
    if let value = optional(name) { return value }
    throw CertctlError(
      .configuration, "\(descriptor.title) needs \(name), which is not given",
      hint: "certctl dns-providers \(descriptor.name) says what it is")
  }

  /// A setting that may be missing; nil also where it is empty.
  package func optional(_ name: String) -> String? {
    let fallback = descriptor.settings.first { $0.name == name }?.fallback
    return (values[name] ?? fallback).flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The records' time to live, in seconds.
  package var ttl: Int { descriptor.ttl }

  /// What must not be printed.
  package var secrets: [String] {
    descriptor.settings.filter(\.isSecret).compactMap { values[$0.name] }
      .filter { $0.utf8.count >= 4 }
  }

  /// The error about a value that cannot be right; the value itself is not told.
  package func wrong(_ name: String, _ what: String) -> CertctlError {
    CertctlError(.configuration, "\(name) \(what)", hint: "see \(descriptor.documentation)")
  }

  /// A client for the service's HTTP API.
  ///
  /// - Parameters:
  ///   - base: What stands before each path, such as `https://api.example.com/v1`.
  ///   - headers: What goes with each request, such as the token.
  ///   - secrets: What must not be printed beside the settings, such as a token made of them.
  ///   - caBundle: A PEM file that the server's certificate must chain to.
  /// - Returns: The client.
  /// - Throws: `HostError` for a PEM file that cannot be used.
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
