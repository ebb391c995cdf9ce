/// A DNS provider as commands and JSON tell it.
package struct DNSProviderReport: Encodable, Sendable {
  /// One setting.
  package struct Setting: Encodable, Sendable {
    /// The variable's name.
    package let name: String
    /// Its other names.
    package let aliases: [String]
    /// What it is.
    package let summary: String
    /// Whether it is a secret.
    package let isSecret: Bool
    /// What holds when it is not given.
    package let fallback: String?
  }

  /// The format of this report.
  package let version = 1
  /// The word after `--dns`.
  package let name: String
  /// Other words for it.
  package let aliases: [String]
  /// The service's own name.
  package let title: String
  /// Where its API is documented.
  package let documentation: String
  /// What stands after a colon.
  package let argument: String?
  /// What it needs to know.
  package let settings: [Setting]
  /// The sets of settings of which one must be complete.
  package let ways: [[String]]

  /// Tells a provider.
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

/// All DNS providers.
package struct DNSProviderList: Encodable, Sendable {
  /// The format of this report.
  package let version = 1
  /// The providers, by their words.
  package let providers: [DNSProviderReport]

  /// A list.
  package init(providers: [DNSProviderReport]) { self.providers = providers }
}
