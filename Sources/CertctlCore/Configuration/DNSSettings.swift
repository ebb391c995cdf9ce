import ACME
package import CertctlBase

/// How a lineage makes and checks records in the DNS.
package struct DNSSettings: Codable, Sendable, Hashable {
  /// Where records are looked for before the CA is told to look.
  package enum Check: String, Codable, Sendable, CaseIterable {
    /// At all of the zone's own servers.
    case servers
    /// At the resolver, where this host may not ask the zone's servers: then it is asked for CNAMEs and
    /// zones, too.
    case resolver
    /// Nowhere: the CA is told at once. CNAMEs and zones are found as by `resolver`.
    case none
  }

  /// The provider's word, and what it takes after a colon; nil where no records are made.
  package var provider: String?
  /// The provider's settings by the names of their variables: `value:TEXT` for what is no secret, else
  /// a reference: an absolute path, or `credential:NAME`.
  package var references: [String: String]?
  /// The resolver, as an address with or without a port; those of the host by default.
  package var resolver: String?
  /// The port of the zones' own servers; 53 by default.
  package var port: Int?
  /// How long servers may take to have a record, in seconds; the provider's own by default.
  package var timeLimit: Int?
  /// Where records are looked for; at the zone's servers by default.
  package var check: Check?

  /// Settings for a provider.
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

  /// What is given over what the lineage has over the defaults; nil when nothing is said.
  ///
  /// References belong to one provider: those of another are left behind.
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

  /// The word and what stands after the colon.
  package var word: (name: String, argument: String?)? {
    guard let provider else { return nil }
    guard let colon = provider.firstIndex(of: ":") else { return (provider, nil) }
    return (String(provider[..<colon]), String(provider[provider.index(after: colon)...]))
  }

  /// An address with or without a port: `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353`.
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
        .usage, "'\(text)' is no address of a resolver",
        hint: "give it like 192.0.2.53 or [2001:db8::53]:5353")
    }
    return Endpoint(host: address.value, port: port)
  }
}
