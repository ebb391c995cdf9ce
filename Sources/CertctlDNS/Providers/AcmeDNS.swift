import ACME
import CertctlBase
import CertctlCore

/// acme-dns, a server only for challenge records, to which each domain delegates with a CNAME.
///
/// It keeps the two newest texts of each name and drops older ones, so nothing is ever removed.
package struct AcmeDNS: DNSProvider {
  /// The name and the settings of acme-dns.
  package static let descriptor = DNSProviderDescriptor(
    name: "acme-dns", title: "acme-dns",
    documentation: "https://github.com/joohoi/acme-dns#api",
    settings: [
      .init("ACME_DNS_API_BASE", "URL of the acme-dns server", isSecret: false),
      .init(
        "ACME_DNS_STORAGE_PATH",
        "path of the JSON account file, shared with lego and acme-dns-client",
        isSecret: false),
      .init(
        "ACME_DNS_ALLOWLIST",
        "networks that may use newly registered accounts, such as 192.0.2.0/24,2001:db8::/32",
        isSecret: false, fallback: ""),
    ], ttl: 30, timeLimit: 60, aliases: ["acmedns"])

  /// The number of texts that the server keeps per name.
  private static let mostTexts = 2

  private let context: DNSProviderContext
  private let server: String
  private let accounts: AcmeDNSAccounts
  private let allowed: [String]

  /// Creates a client for a server.
  ///
  /// - Throws: `CertctlError` with code `configuration` if the URL or the path is missing or
  ///   invalid.
  package init(_ context: DNSProviderContext) throws {
    server = try context.url("ACME_DNS_API_BASE")
    guard let accounts = AcmeDNSAccounts(path: try context.value("ACME_DNS_STORAGE_PATH")) else {
      throw context.wrong("ACME_DNS_STORAGE_PATH", "must be an absolute file path")
    }
    self.accounts = accounts
    allowed = (context.optional("ACME_DNS_ALLOWLIST") ?? "").split(separator: ",").map { part in
      String(part.filter { !$0.isWhitespace })
    }
    self.context = context
  }

  /// Replaces the older texts.
  ///
  /// A domain without an account gets one, but fails, because its CNAME cannot exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let known = try await accounts.all()
    var work: [(account: AcmeDNSAccounts.Account, value: String)] = []
    var unknown: [String] = []
    for record in records {
      if let account = Self.account(of: record, known) {
        try Self.checkTarget(record, account)
        if !work.contains(where: {
          $0.account.fullDomain == account.fullDomain && $0.value == record.value
        }) {
          work.append((account, record.value))
        }
      } else if !unknown.contains(record.domain) {
        unknown.append(record.domain)
      }
    }
    guard unknown.isEmpty else { throw try await register(unknown) }
    for (name, entries) in Dictionary(grouping: work, by: \.account.fullDomain)
    where entries.count > Self.mostTexts {
      throw CertctlError(
        .challengeFailed,
        "cannot add \(entries.count) TXT records to \(name): acme-dns keeps only the "
          + "\(Self.mostTexts) newest",
        hint: "use a separate acme-dns account for each domain, or fewer names per certificate")
    }
    for (account, value) in work { try await update(account, value) }
  }

  /// Does nothing, because acme-dns cannot remove records.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {}

  // MARK: - Accounts

  /// Returns the account of a record's domain, or the account that its CNAME points to.
  private static func account(
    of record: ChallengeRecord, _ known: [String: AcmeDNSAccounts.Account]
  ) -> AcmeDNSAccounts.Account? {
    known[record.domain.lowercased()] ?? known.values.first { $0.fullDomain == record.name }
  }

  private static func checkTarget(
    _ record: ChallengeRecord, _ account: AcmeDNSAccounts.Account
  ) throws {
    guard record.name != account.fullDomain else { return }
    throw CertctlError(
      .challengeFailed,
      "cannot use acme-dns for \(record.domain): its challenge record is \(record.name), "
        + "not \(account.fullDomain)",
      hint: "create this record and retry: " + alias(record.domain, account))
  }

  private static func alias(_ domain: String, _ account: AcmeDNSAccounts.Account) -> String {
    "_acme-challenge.\(domain). CNAME \(account.fullDomain)."
  }

  // MARK: - Requests

  private func update(_ account: AcmeDNSAccounts.Account, _ value: String) async throws {
    let api = try context.api(
      server,
      headers: [
        HTTPField(name: "X-Api-User", value: account.username),
        HTTPField(name: "X-Api-Key", value: account.password),
      ], secrets: [account.password])
    _ = try await api.send(
      .post, "/update", to: "set the TXT record \(account.fullDomain)",
      json: ["subdomain": account.subdomain, "txt": value])
  }

  /// Registers accounts, saves them, and returns the error that lists the CNAMEs to create.
  private func register(_ domains: [String]) async throws -> CertctlError {
    let api = try context.api(server)
    var aliases: [String] = []
    for domain in domains {
      let what = "register an account for \(domain)"
      let answer =
        if allowed.isEmpty {
          try await api.send(.post, "/register", to: what)
        } else {
          try await api.send(.post, "/register", to: what, json: ["allowfrom": allowed])
        }
      let account = try answer.decode(AcmeDNSAccounts.Account.self)
      try await accounts.add([domain: answer.body], server: server)
      aliases.append(Self.alias(domain, account))
    }
    return CertctlError(
      .challengeFailed,
      "no CNAME points to the new acme-dns account for \(domains.joined(separator: ", ")), saved "
        + "in \(accounts.path)",
      hint: "create and retry: " + aliases.joined(separator: "; "))
  }
}
