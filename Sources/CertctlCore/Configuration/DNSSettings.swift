import ACME
package import CertctlBase

/// The settings of a lineage for creating and checking DNS records.
package struct DNSSettings: Codable, Sendable, Hashable {
  /// The servers to check for new records before validation.
  package enum Check: String, Codable, Sendable, CaseIterable {
    /// All name servers of the zone.
    case servers
    /// The resolver, if this host cannot query the zone's servers. It also finds CNAMEs and zones.
    case resolver
    /// No check: validation begins immediately. The resolver finds CNAMEs and zones.
    case none
  }

  /// The provider's name, with its argument after a colon; nil without a provider.
  package var provider: String?
  /// The provider's settings by variable name: `value:TEXT` for values that are not secret,
  /// otherwise a reference, which is an absolute path or `credential:NAME`.
  package var references: [String: String]?
  /// The resolver's address, with an optional port; the host's resolvers by default.
  package var resolver: String?
  /// The port of the zones' name servers; 53 by default.
  package var port: Int?
  /// The maximum time for records to reach the servers, in seconds; the provider's by default.
  package var timeLimit: Int?
  /// The servers to check; the zone's name servers by default.
  package var check: Check?

  /// Creates the settings for a provider.
  package init(
    provider: String? = nil, references: [String: String]? = nil, resolver: String? = nil,
    port: Int? = nil, timeLimit: Int? = nil, check: Check? = nil
  ) {
    self.provider = provider
    self.references = references
    self.resolver = resolver
    self.port = port
    self.timeLimit = timeLimit
    self.check = check
  }

  /// Returns these settings, completed from the lineage, then from the defaults; nil if all nil.
  ///
  /// References to the settings of another provider are dropped.
  package func over(_ lineage: DNSSettings?, _ defaults: DNSSettings) -> DNSSettings? {
    let provider = self.provider ?? lineage?.provider ?? defaults.provider
    let settings = DNSSettings(
      provider: provider,
      references: lineage?.provider == provider ? lineage?.references : nil,
      resolver: resolver ?? lineage?.resolver ?? defaults.resolver,
      port: port ?? lineage?.port ?? defaults.port,
      timeLimit: timeLimit ?? lineage?.timeLimit ?? defaults.timeLimit,
      check: check ?? lineage?.check ?? defaults.check)
    return settings == DNSSettings() ? nil : settings
  }

  /// The provider's name and its argument after the colon.
  package var word: (name: String, argument: String?)? {
    guard let provider else { return nil }
    guard let colon = provider.firstIndex(of: ":") else { return (provider, nil) }
    return (String(provider[..<colon]), String(provider[provider.index(after: colon)...]))
  }

  /// Parses an address with an optional port: `192.0.2.53` or `[2001:db8::53]:5353`.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  package static func endpoint(_ text: String) throws -> Endpoint {
    var host = Substring(text)
    var port = 53
    let colons = text.count { $0 == ":" }
    if let close = text.lastIndex(of: "]"), text.hasPrefix("[") {
      host = text[text.index(after: text.startIndex)..<close]
      let rest = text[text.index(after: close)...]
      port = rest.isEmpty ? 53 : rest.hasPrefix(":") ? Int(rest.dropFirst()) ?? 0 : 0
    } else if colons == 1, let colon = text.firstIndex(of: ":") {
      host = text[..<colon]
      port = Int(text[text.index(after: colon)...]) ?? 0
    }
    guard let address = try? Identifier(parsing: String(host)), address.type == .ip,
      (1...65535).contains(port)
    else {
      throw CertctlError(
        .usage, "'\(text)' is not a valid resolver address",
        hint: "use an IP address with an optional port, such as 192.0.2.53 or [2001:db8::53]:5353")
    }
    return Endpoint(host: address.value, port: port)
  }
}
