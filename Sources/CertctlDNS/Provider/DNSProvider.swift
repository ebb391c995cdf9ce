/// A DNS service whose TXT records certctl can edit: a vendor's API, a protocol, or a program.
///
/// The code above handles names, CNAMEs, zones, propagation and retries for all providers. A
/// provider must not keep state that a later process would need: `remove` may run after a crash, in
/// another process, so it finds records by their content.
///
/// Calls for one zone are serial, and each carries all records requested at that moment. Calls for
/// different zones are concurrent.
package protocol DNSProvider: Sendable {
  /// The name and the settings of the provider.
  static var descriptor: DNSProviderDescriptor { get }

  /// Creates a provider from complete settings, without sending a request.
  ///
  /// - Throws: `CertctlError` with code `configuration` for an invalid value.
  init(_ context: DNSProviderContext) throws

  /// Adds records to a zone.
  ///
  /// Other values of the same name are kept. A value that already exists is not an error.
  ///
  /// - Parameters:
  ///   - records: The records; several may have the same name.
  ///   - zone: The owner name of the zone's SOA record, without a final dot.
  /// - Throws: `CertctlError`; some of the records may exist by then.
  func publish(_ records: [ChallengeRecord], in zone: String) async throws

  /// Removes exactly these values from a zone.
  ///
  /// A value that does not exist is not an error.
  ///
  /// - Parameters:
  ///   - records: The records.
  ///   - zone: The owner name of the zone's SOA record, without a final dot.
  /// - Throws: `CertctlError`; some of the records may be removed by then.
  func remove(_ records: [ChallengeRecord], in zone: String) async throws
}

/// The description of a provider, from which help, checks, documentation and tests are derived.
package struct DNSProviderDescriptor: Sendable {
  /// The value of `--dns`, in lower case.
  package var name: String
  /// The alternative values of `--dns`, such as lego's names.
  package var aliases: [String]
  /// The display name of the service.
  package var title: String
  /// The URL of the API documentation.
  package var documentation: String
  /// The settings of the provider.
  package var settings: [DNSProviderSetting]
  /// The sets of settings of which one must be complete.
  ///
  /// If empty, all settings without a default are required.
  package var ways: [[String]]
  /// The TTL of the records in seconds: the minimum that the service accepts, but at least 30.
  package var ttl: Int
  /// The propagation time limit in seconds: by then all servers of a zone should have a change.
  package var timeLimit: Int
  /// The placeholder of the argument after the colon, as in `--dns exec:PATH`; nil for none.
  package var argument: String?
  /// Whether a person has to create the records.
  package var needsPerson: Bool

  /// Creates a descriptor.
  ///
  /// - Parameters:
  ///   - name: The value of `--dns`.
  ///   - title: The display name of the service.
  ///   - documentation: The URL of the API documentation.
  ///   - settings: The settings of the provider.
  ///   - ways: The sets of settings of which one must be complete.
  ///   - ttl: The TTL of the records, in seconds.
  ///   - timeLimit: The propagation time limit, in seconds.
  ///   - argument: The placeholder of the argument after the colon.
  ///   - needsPerson: Whether a person has to create the records.
  ///   - aliases: The alternative values of `--dns`.
  package init(
    name: String, title: String, documentation: String, settings: [DNSProviderSetting] = [],
    ways: [[String]] = [], ttl: Int = 60, timeLimit: Int = 300, argument: String? = nil,
    needsPerson: Bool = false, aliases: [String] = []
  ) {
    self.name = name
    self.aliases = aliases
    self.title = title
    self.documentation = documentation
    self.settings = settings
    self.ways = ways
    self.ttl = ttl
    self.timeLimit = timeLimit
    self.argument = argument
    self.needsPerson = needsPerson
  }
}

/// A setting of a provider, named like the environment variable of lego.
package struct DNSProviderSetting: Sendable {
  /// The name of the variable.
  package var name: String
  /// The alternative names of the variable.
  package var aliases: [String]
  /// The description, a noun phrase of a few words.
  package var summary: String
  /// Whether the value is secret: never printed, and stored only as a reference.
  package var isSecret: Bool
  /// The default; empty for an optional setting, nil for one that is required or listed in `ways`.
  package var fallback: String?
  /// Whether the value is a file path, which is saved as an absolute path.
  package var isPath: Bool

  /// Creates a setting.
  ///
  /// - Parameters:
  ///   - name: The name of the variable.
  ///   - summary: The description.
  ///   - aliases: The alternative names.
  ///   - isSecret: Whether the value is secret.
  ///   - fallback: The default; empty for an optional setting without one.
  ///   - isPath: Whether the value is a file path.
  package init(
    _ name: String, _ summary: String, aliases: [String] = [], isSecret: Bool = true,
    fallback: String? = nil, isPath: Bool = false
  ) {
    self.name = name
    self.summary = summary
    self.aliases = aliases
    self.isSecret = isSecret
    self.fallback = fallback
    self.isPath = isPath
  }
}
