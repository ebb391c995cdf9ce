import ACME
import ArgumentParser
import Certctl
import CertctlBase
import PKI
import Synchronization

/// `certctl issue`: a new or changed certificate.
struct Issue: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Get a certificate for one or more names.",
    usage: "certctl issue <names> ... [<options>]",
    discussion: """
      Examples:
        certctl issue example.com www.example.com --agree-tos
        certctl issue example.com --webroot /var/www/html
        certctl issue example.com '*.example.com' --dns cloudflare
        certctl issue example.com --challenge tls-alpn-01
        certctl issue 192.0.2.10 --profile shortlived
        certctl issue --csr server.csr
        certctl issue example.com --ca zerossl --eab-kid ID --eab-hmac-key-file FILE

      The certificate is kept in live/NAME/ of the state directory: fullchain.pem and privkey.pem \
      are what nginx wants. The same command again does nothing until renewal is due; more names \
      give a new certificate in the same place.

      Without --webroot or --challenge, certctl itself answers the CA on port 80, so nothing else \
      may listen there at that moment.
      """)

  @Argument(
    help: "Domain names or IP addresses; the certificate is kept under the first one's name.")
  var names: [String] = []

  @OptionGroup(title: "Certificate authority") var authority: AuthorityListOptions
  @OptionGroup(title: "Account") var registration: RegistrationOptions
  @OptionGroup(title: "Validation") var validation: ValidationOptions
  @OptionGroup(title: "Certificate") var certificate: CertificateOptions
  @OptionGroup(title: "Deployment") var deployment: DeploymentOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  @Option(
    name: .customLong("name"),
    help: "Keep the certificate under this name. Default: the first of its names.")
  var lineage: String?

  @Flag(help: "Issue although nothing is due, and allow names to be taken away.")
  var force = false

  @Flag(
    name: .customLong("dry-run"),
    help: "Validate the names and stop: with Let's Encrypt, at its staging CA.")
  var dryRun = false

  func run() async throws {
    let hasFailed = Mutex(false)
    try await Bootstrap.run(global) { manager, output in
      let report = try await manager.issue(try request(output))
      output.result(report, text: text(report))
      for hook in report.hooks ?? [] where !hook.succeeded {
        output.warn("the certificate is there, but a hook failed: \(hook.text)")
        hasFailed.withLock { $0 = true }
      }
      if let failure = report.certificate?.deploymentFailure, report.outcome == .issued {
        output.warn(
          "the certificate is there, but is not served yet: \(escapedForTerminal(failure))")
        hasFailed.withLock { $0 = true }
      }
    }
    if hasFailed.withLock({ $0 }) { throw ExitCode.failure }
  }

  private func request(_ output: Output) throws -> IssueRequest {
    var seen: Set<Identifier> = []
    let identifiers = try names.map { name in
      let identifier = try Identifier(parsing: name)
      guard seen.insert(identifier).inserted else {
        let typed = escapedForTerminal(name)
        let alias = typed == identifier.value ? "" : " ('\(typed)' is the same name)"
        throw CertctlError(
          .usage, "the name \(identifier.value) is given twice\(alias)", hint: "give each name once"
        )
      }
      return identifier
    }
    return IssueRequest(
      names: identifiers, lineage: try lineage.map { try LineageName($0) },
      overrides: try SettingsOverrides(authority, validation, certificate, deployment),
      registration: try registration.registration(output), force: force, dryRun: dryRun)
  }

  private func text(_ report: IssueReport) -> String {
    switch report.outcome {
    case .validated:
      return "Dry run: \(report.reason) (asked \(report.directory)); nothing was kept."
    case .unchanged: return "Nothing to do: \(report.reason)."
    case .issued:
      guard let certificate = report.certificate else { return "Issued." }
      let rsa = certificate.rsa.map { "\n  and RSA in   \($0.fullchain ?? "-")" } ?? ""
      let missing = certificate.missingNames ?? []
      let names = certificate.names.filter { !missing.contains($0) }.joined(separator: ", ")
      let without = missing.isEmpty ? "" : "\n  without      \(missing.joined(separator: ", "))"
      return """
        Issued \(certificate.name): \(names)\(without)
          valid until  \(certificate.notAfter?.rfc3339 ?? "-")
          renews       \(certificate.renewAt?.rfc3339 ?? "-")
          certificate  \(certificate.fullchain ?? "-")
          key          \(certificate.privkey ?? "not here: it is yours")\(rsa)
        """
    }
  }
}

extension SettingsOverrides {
  /// What the options of a command say of its certificate.
  init(
    _ authority: AuthorityListOptions, _ validation: ValidationOptions,
    _ certificate: CertificateOptions, _ deployment: DeploymentOptions
  ) throws {
    self.init()
    authorities = authority.ca.isEmpty ? nil : authority.ca
    caBundle = authority.caBundle.map(absolutePath)
    validation.apply(to: &self)
    try certificate.apply(to: &self)
    deployment.apply(to: &self)
  }
}

/// What the certificate and its files are like.
struct CertificateOptions: ParsableArguments {
  @Option(
    name: .customLong("key-type"),
    help: ArgumentHelp("The key's type. Default: ec256.", valueName: "type"))
  var keyType: CertificateKeyType?

  @Flag(
    inversion: .prefixedNo,
    help: "An RSA certificate beside an ECDSA one; --key-type says which of its kind.")
  var dual: Bool?

  @Flag(
    name: .customLong("reuse-key"), inversion: .prefixedNo,
    help: "Keep the key at renewals.")
  var reuseKey: Bool?

  @Flag(
    name: .customLong("allow-partial"), inversion: .prefixedNo,
    help: "Leave out names that cannot be proved, and try them again at renewals.")
  var allowPartial: Bool?

  @Option(
    help: ArgumentHelp(
      "A certificate request of your own, PEM or DER: its names, its key, which stays yours.",
      valueName: "file"))
  var csr: String?

  @Option(help: "The certificate profile to ask the CA for, such as shortlived.")
  var profile: String?

  @Option(
    name: .customLong("preferred-chain"),
    help: ArgumentHelp(
      "Of the chains that the CA offers, the one whose last certificate was issued by this "
        + "common name.",
      valueName: "cn"))
  var preferredChain: String?

  @Option(help: ArgumentHelp("Owner of the certificate's files.", valueName: "user"))
  var owner: String?

  @Option(help: ArgumentHelp("Group of the certificate's files.", valueName: "group"))
  var group: String?

  @Option(
    name: [.customLong("key-mode"), .customLong("mode")],
    help: ArgumentHelp("Mode of the key file. Default: 0600.", valueName: "octal"))
  var keyMode: String?

  @Option(
    name: .customLong("keep-generations"),
    help: ArgumentHelp(
      "How many generations stay on disk, 1 to 1000. Default: 5.", valueName: "count"))
  var keepGenerations: Int?

  func validate() throws {
    if let keepGenerations, !(1...1000).contains(keepGenerations) {
      throw ValidationError("--keep-generations takes a number from 1 to 1000")
    }
  }

  func apply(to overrides: inout SettingsOverrides) throws {
    overrides.csr = try csr.map(readRequest)
    overrides.keyType = keyType.flatMap { KeyType(rawValue: $0.rawValue) }
    overrides.dual = dual
    overrides.reuseKey = reuseKey
    overrides.allowPartial = allowPartial
    overrides.profile = profile
    overrides.preferredChain = preferredChain
    overrides.owner = owner
    overrides.group = group
    overrides.keyMode = keyMode
    overrides.keepGenerations = keepGenerations
  }
}

/// What makes servers use a new certificate.
struct DeploymentOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Program to run after each new certificate, without a shell or arguments; may be repeated, "
        + "and replaces those of before.", valueName: "path"))
  var hook: [String] = []

  @Flag(name: .customLong("no-hook"), help: "Run no programs for this certificate any more.")
  var noHook = false

  func validate() throws {
    if noHook && !hook.isEmpty { throw ValidationError("--hook and --no-hook exclude each other") }
    if hook.contains("") {
      throw ValidationError("--hook is empty: give a program's path, or --no-hook for none")
    }
  }

  func apply(to overrides: inout SettingsOverrides) {
    if noHook { overrides.hooks = [] }
    guard !hook.isEmpty else { return }
    var seen: Set<String> = []
    overrides.hooks = hook.map(absolutePath).filter { seen.insert($0).inserted }
  }
}

/// Where records are looked for.
enum CheckPlace: String, ExpressibleByArgument, CaseIterable { case servers, resolver, none }
