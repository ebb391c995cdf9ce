import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlDNS
import CertctlOperations
import FoundationEssentials

/// `certctl dns-providers`: lists DNS providers and the settings each requires.
struct DNSProviders: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dns-providers",
    abstract: "List DNS providers and the settings each requires.",
    usage: "certctl dns-providers [<provider>] [<options>]",
    discussion: """
      Examples:
        certctl dns-providers
        certctl dns-providers cloudflare

      The settings have the names that lego uses. certctl looks for each of them in this order: the \
      environment variable NAME, the file named by the variable NAME_FILE, the saved setting \
      of the certificate, [dns-credentials] in certctl.toml, the systemd credential NAME, and the \
      file secrets/NAME in the configuration directory. The timer finds the last four.
      """)

  @Argument(help: "Name of the provider. Default: list all.") var provider: String?
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.runAlone(global) { output, _ in
      guard let provider else {
        let all = DNSProviderCatalog.all.map { DNSProviderReport($0.descriptor) }
        let width = all.map(\.name.count).max() ?? 0
        output.result(
          DNSProviderList(providers: all),
          text: all.map { provider -> TerminalText in
            "\(provider.name.padded(to: width + 2))\(provider.title)"
          }.joined(separator: "\n"))
        return
      }
      let name = String(provider.prefix { $0 != ":" })
      guard let type = DNSProviderCatalog.named(name) else {
        throw CertctlError(
          .usage, "no DNS provider '\(name)'", hint: "run: certctl dns-providers")
      }
      let report = DNSProviderReport(type.descriptor)
      output.result(report, text: report.text)
    }
  }
}

extension DNSProviderReport {
  /// The provider as text.
  fileprivate var text: TerminalText {
    var lines: [TerminalText] = [
      "\(title): --dns \(name)\(argument.map { ":\($0)" } ?? "")", "\(documentation)", "",
    ]
    if settings.isEmpty { lines.append("No settings required.") }
    let width = settings.map(\.name.count).max() ?? 0
    for setting in settings {
      let fallback = setting.fallback.map { $0.isEmpty ? " (optional)" : " (default: \($0))" } ?? ""
      lines.append("  \(setting.name.padded(to: width + 2))\(setting.summary)\(fallback)")
    }
    if ways.count > 1 {
      lines += ["", "Set all of one of these groups:"]
      lines += ways.map { way -> TerminalText in
        "  \(way.isEmpty ? "nothing, on a machine with an IAM role" : way.joined(separator: ", "))"
      }
    }
    return lines.joined(separator: "\n")
  }
}

/// `certctl dns-persist`: shows and checks the persistent record of dns-persist-01.
struct DNSPersist: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dns-persist",
    abstract: "Show and check the persistent validation record (experimental).",
    usage: "certctl dns-persist <name> [<options>]",
    discussion: """
      Examples:
        certctl dns-persist example.com --wildcard --agree-tos
        certctl dns-persist example.com --until 2027-12-31

      Prints the TXT record that the CA requires and queries all name servers of the zone for it. \
      Once the record exists, renewals do not need access to the DNS:
        certctl issue example.com '*.example.com' --challenge dns-persist-01

      Exit code 0 if the record exists, 75 if it does not exist yet. The method is a draft \
      (draft-ietf-acme-dns-persist), and few CAs offer it.
      """)

  @Argument(help: "Domain name.") var name: String
  @Flag(help: "Validate the wildcard of the domain as well.") var wildcard = false
  @Option(help: ArgumentHelp("Last day on which the record is valid.", valueName: "date"))
  var until: String?
  @OptionGroup(title: "Certificate authority") var authority: AuthorityOptions
  @OptionGroup(title: "Account") var registration: RegistrationOptions
  @OptionGroup var servers: DNSServerOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  func validate() throws { _ = try until.map(Self.date) }

  func run() async throws {
    let until = try until.map(Self.date)
    let isPresent = try await Bootstrap.run(global) { context, output in
      let report = try await context.run(
        PersistentRecordOperation(
          PersistentRecordRequest(
            domain: try Identifier(parsing: name), coversWildcard: wildcard, until: until,
            authority: authority.authority, caBundle: authority.bundle,
            registration: try registration.registration(output), dns: servers.given.dns)))
      // The user copies the record.
      output.result(report, isVerbatim: true, text: Self.text(report))
      return report.isPresent
    }
    // Thrown outside of Bootstrap.run, which would print an error message.
    if !isPresent { throw ExitCode(75) }
  }

  /// Parses a time, or a day, which stands for its end in UTC.
  private static func date(_ text: String) throws -> Date {
    let whole = text.contains("T") ? text : "\(text)T23:59:59Z"
    guard let date = try? Date(whole, strategy: .iso8601), date > Date() else {
      throw ValidationError("--until requires a future date, such as 2027-12-31")
    }
    return date
  }

  private static func text(_ report: PersistentRecordReport) -> TerminalText {
    let record = "\(report.name). TXT \"\(report.text)\""
    guard !report.isPresent else {
      return """
        All name servers of \(report.zone) have the record:
          \(record)
        """
    }
    return """
      Add this record:
        \(record)
      The record does not exist yet: \(report.missing ?? "")
      To check again, run the same command.
      """
  }
}
