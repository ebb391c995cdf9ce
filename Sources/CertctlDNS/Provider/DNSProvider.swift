/// Edits the TXT records of one kind of DNS service: a vendor's API, a protocol, a program.
///
/// Everything else is done once above all providers: names, CNAMEs, zones, waiting, repetition. A
/// provider holds no state that a later process would need: `remove` finds by content what `publish`
/// made, since it may run after a crash, in another process.
///
/// For one zone the calls come one after another, never side by side, each with all records that are
/// wanted at that moment; for different zones they come side by side.
package protocol DNSProvider: Sendable {
  /// What it is called and what it needs.
  static var descriptor: DNSProviderDescriptor { get }

  /// A provider with its settings, which are complete.
  ///
  /// - Throws: `CertctlError` with code `configuration` for a value that cannot be right; no request
  ///   is made yet.
  init(_ context: DNSProviderContext) throws

  /// Adds records to a zone.
  ///
  /// Other values of the same name stay as they are, and a value that is there already is no error.
  ///
  /// - Parameters:
  ///   - records: The records, several of which may have the same name.
  ///   - zone: The zone by its SOA record, without a final dot.
  /// - Throws: `CertctlError`; some of the records may be there then.
  func publish(_ records: [ChallengeRecord], in zone: String) async throws

  /// Removes these values and no other; one that is not there is no error.
  ///
  /// - Parameters:
  ///   - records: The records.
  ///   - zone: The zone by its SOA record, without a final dot.
  /// - Throws: `CertctlError`; some of the records may be gone then.
  func remove(_ records: [ChallengeRecord], in zone: String) async throws
}

/// A provider as its users see it: help, checks, documentation and tests follow from it.
package struct DNSProviderDescriptor: Sendable {
  /// The word after `--dns`, lower case.
  package var name: String
  /// Other words for it, such as lego's.
  package var aliases: [String]
  /// The service's own name.
  package var title: String
  /// Where the service documents its API.
  package var documentation: String
  /// What it has to be told.
  package var settings: [DNSProviderSetting]
  /// The sets of settings of which one must be complete; all that have no default where this is empty.
  package var ways: [[String]]
  /// The time to live of the records, in seconds: the lowest that the service takes, at least 30.
  package var ttl: Int
  /// How long it may take until all servers of a zone have a change, in seconds.
  package var timeLimit: Int
  /// What stands after the word, as in `--dns exec:PATH`; nil when nothing may.
  package var argument: String?
  /// Whether a person must be there.
  package var needsPerson: Bool

  /// A descriptor.
  ///
  /// - Parameters:
  ///   - name: The word after `--dns`.
  ///   - title: The service's own name.
  ///   - documentation: The URL of its API's documentation.
  ///   - settings: What it has to be told.
  ///   - ways: The sets of settings of which one must be complete.
  ///   - ttl: The records' time to live, in seconds.
  ///   - timeLimit: How long its servers may take, in seconds.
  ///   - argument: What stands after the word and a colon.
  ///   - needsPerson: Whether a person must be there.
  ///   - aliases: Other words for it.
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

/// One thing that a provider has to be told, under the name of the environment variable that lego
/// has for it.
package struct DNSProviderSetting: Sendable {
  /// The variable's name.
  package var name: String
  /// Other names of the same variable.
  package var aliases: [String]
  /// What it is, in a few words.
  package var summary: String
  /// Whether it must never be printed or stored: only a reference to it is.
  package var isSecret: Bool
  /// What holds when it is not given; nil when it must be, or may be left out by `ways`.
  package var fallback: String?
  /// Whether it is the path of a file, which is kept as an absolute one.
  package var isPath: Bool

  /// A setting.
  ///
  /// - Parameters:
  ///   - name: The variable's name.
  ///   - summary: What it is.
  ///   - aliases: Other names of it.
  ///   - isSecret: Whether it must never be printed.
  ///   - fallback: What holds when it is not given; empty for "nothing".
  ///   - isPath: Whether it is the path of a file.
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
