import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlOperations
import CertctlStore

/// `certctl issue`: gets a new or changed certificate.
struct Issue: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Get a certificate for one or more names.",
    usage: "certctl issue [<names> ...] [<options>]",
    discussion: """
      Examples:
        certctl issue example.com www.example.com --agree-tos
        certctl issue example.com --webroot /var/www/html
        certctl issue example.com '*.example.com' --dns cloudflare
        certctl issue example.com --challenge tls-alpn-01
        certctl issue 192.0.2.10 --profile shortlived
        certctl issue --csr server.csr
        certctl issue example.com --ca zerossl \\
          --eab-kid ID --eab-hmac-key-file FILE

      Writes fullchain.pem and privkey.pem to live/NAME/ in the state directory. Running the \
      command again does nothing until renewal is due; with added names it replaces the \
      certificate.

      Without --webroot, --dns or --challenge, certctl answers the CA on port 80 itself, so no \
      other server may listen there.
      """)

  @Argument(
    help: "Domain names or IP addresses. The first one names the certificate.")
  var names: [String] = []

  @OptionGroup(title: "Certificate authority") var authority: AuthorityListOptions
  @OptionGroup(title: "Account") var registration: RegistrationOptions
  @OptionGroup(title: "Validation") var validation: ValidationOptions
  @OptionGroup(title: "Certificate") var certificate: CertificateOptions
  @OptionGroup(title: "Deployment") var deployment: DeploymentOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  @Option(
    name: .customLong("name"),
    help: "Name of the certificate. Default: the first name.")
  var lineage: String?

  @Flag(help: "Issue even if not due, and allow names to be removed.")
  var force = false

  @Flag(
    name: .customLong("dry-run"),
    help: ArgumentHelp(
      "Validate the names without issuing a certificate. For Let's Encrypt, uses its staging "
        + "CA."))
  var dryRun = false

  func run() async throws {
    let isWell = try await Bootstrap.run(global) { context, output in
      let report = try await context.run(IssueOperation(try request(output)))
      output.result(report, text: text(report))
      let failed = (report.hooks ?? []).filter { !$0.succeeded }
      for hook in failed {
        output.warn(
          "issued the certificate, but a hook failed: \(hook.sentence)", details: hook.details)
      }
      if let failure = report.certificate?.deploymentFailure, report.outcome == .issued {
        output.warn("issued the certificate, but it is not served yet: \(failure)")
        return false
      }
      return failed.isEmpty
    }
    if !isWell { throw ExitCode.failure }
  }

  private func request(_ output: Output) throws -> IssueRequest {
    var seen: Set<Identifier> = []
    let identifiers = try names.map { name in
      let identifier = try Identifier(parsing: name)
      guard seen.insert(identifier).inserted else {
        let alias = name == identifier.value ? "" : " ('\(name)' is the same name)"
        throw CertctlError(
          .usage, "duplicate name \(identifier.value)\(alias)", hint: "list each name once"
        )
      }
      return identifier
    }
    return IssueRequest(
      names: identifiers, lineage: try lineage.map { try LineageName($0) },
      overrides: try SettingsOverrides(authority, validation, certificate, deployment),
      registration: try registration.registration(output), force: force, dryRun: dryRun)
  }

  private func text(_ report: IssueReport) -> TerminalText {
    switch report.outcome {
    case .validated:
      return "Dry run: \(report.reason). Used \(report.directory); saved nothing."
    case .unchanged: return "Nothing to do: \(TimeText().rewritten(report.reason))"
    case .issued:
      guard let certificate = report.certificate else { return "Issued." }
      let missing = certificate.missingNames ?? []
      let names = certificate.names.filter { !missing.contains($0) }.joined(separator: ", ")
      let covered = names == certificate.name ? "" : ": \(names)"
      return "Issued \(certificate.name)\(covered)\n\(certificate.outcome())"
    }
  }
}
