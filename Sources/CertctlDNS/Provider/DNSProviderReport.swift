/// A DNS provider as commands print it, as text or JSON.
package struct DNSProviderReport: Encodable, Sendable {
  /// A setting of the provider.
  package struct Setting: Encodable, Sendable {
    /// The name of the variable.
    package let name: String
    /// The alternative names.
    package let aliases: [String]
    /// The description.
    package let summary: String
    /// Whether the value is secret.
    package let isSecret: Bool
    /// The default; empty for an optional setting.
    package let fallback: String?
  }

  /// The format version of this report.
  package let version = 1
  /// The value of `--dns`.
  package let name: String
  /// The alternative values of `--dns`.
  package let aliases: [String]
  /// The display name of the service.
  package let title: String
  /// The URL of the API documentation.
  package let documentation: String
  /// The placeholder of the argument after the colon; nil for none.
  package let argument: String?
  /// The settings.
  package let settings: [Setting]
  /// The sets of settings of which one must be complete.
  package let ways: [[String]]

  /// Creates the report about a provider.
  package init(_ descriptor: DNSProviderDescriptor) {
    name = descriptor.name
    aliases = descriptor.aliases
    title = descriptor.title
    documentation = descriptor.documentation
    argument = descriptor.argument
    settings = descriptor.settings.map {
      Setting(
        name: $0.name, aliases: $0.aliases, summary: $0.summary, isSecret: $0.isSecret,
        fallback: $0.fallback)
    }
    ways = descriptor.ways
  }
}

/// The list of DNS providers.
package struct DNSProviderList: Encodable, Sendable {
  /// The format version of this report.
  package let version = 1
  /// The providers, sorted by name.
  package let providers: [DNSProviderReport]

  /// Creates a list.
  package init(providers: [DNSProviderReport]) { self.providers = providers }
}
