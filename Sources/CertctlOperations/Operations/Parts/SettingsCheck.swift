import ACME
import CertctlBase
import CertctlCore
import CertctlDNS
import CertctlHTTP
import CertctlIssuing
import CertctlStore
import CertctlSystem

/// The check of a request's settings.
struct SettingsCheck: ContextPart {
  let context: Context

  /// Returns the resulting settings of a request, after checking that they fit together.
  ///
  /// No CA is contacted and nothing is written.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  func settings(
    for request: IssueRequest, _ known: Lineage?, of name: LineageName
  ) throws -> LineageSettings {
    var settings = request.overrides.resolved(
      names: request.names, lineage: known?.settings, defaults: context.defaults.settings)
    // Check for impossible settings before superfluous ones.
    try settings.challenge.check(settings.names, isGiven: request.overrides.challenge != nil)
    try request.overrides.checkUse(
      by: settings.challenge.types(for: settings.names), proving: settings.names)
    if let dns = settings.challenge.dns, let type = try dns.provider.map({ _ in try dns.type() }) {
      // The timer has another environment, so save the current settings, secrets by reference.
      let references = context.solverContext.credentials.references(
        for: type.descriptor, known: dns.references ?? [:])
      settings.challenge.dns?.references = references.isEmpty ? nil : references
    }
    try request.checkGivenRequest(settings, of: name)
    return settings
  }

  /// Checks a request before anything is written or sent.
  func check(_ request: IssueRequest, as name: LineageName) async throws {
    _ = try accountDesk.completed(request.registration).contacts()
    let known = try await lineages.lineage(name)
    let settings = try settings(for: request, known, of: name)
    for type in settings.challenge.types(for: settings.names) {
      _ = try Catalog.solver(for: settings.challenge.with(type), in: context.solverContext)
    }
    if let dns = settings.challenge.dns, dns.provider != nil {
      _ = try await context.solverContext.provider(dns)
      await warnOfSecrets(try dns.type().descriptor, dns)
    }
    try await warnOfAccounts(at: settings.authorities, request.registration)
    try await Self.checkOwner(settings.files)
    if let bundle = settings.caBundle { try await CABundle.check(bundle) }
    if let webroot = settings.challenge.webroot { try await Self.checkWebroot(webroot) }
    // The deployment reports problems of hooks that were saved earlier.
    for hook in settings.hooks ?? [] where known?.settings.hooks?.contains(hook) != true {
      try await Self.checkHook(hook, isGiven: request.overrides.hooks != nil)
    }
  }

  /// Warns about secrets that are only in this process's environment.
  @Disk private func warnOfSecrets(_ descriptor: DNSProviderDescriptor, _ dns: DNSSettings) {
    let names = context.solverContext.credentials.secretsOfEnvironment(
      descriptor, references: dns.references ?? [:])
    guard let first = names.first else { return }
    console.warn(
      "\(names.joined(separator: ", ")) \(names.count == 1 ? "is" : "are") only in the "
        + "environment, where the timer does not find \(names.count == 1 ? "it" : "them"); save "
        + "the value in \(context.solverContext.configDirectory)/secrets/\(first) (mode 0600), or "
        + "set \(first)_FILE")
  }

  /// Warns about options for a new account that an existing account ignores.
  ///
  /// - Throws: `CertctlError` with code `usage` for an unknown CA.
  private func warnOfAccounts(at authorities: [String], _ given: Registration) async throws {
    let contacts = try given.contacts()
    for text in authorities {
      let authority = try CertificateAuthority.named(text)
      guard let record = try? await accounts.account(for: authority.directory)?.record,
        record.url != nil
      else { continue }
      if !contacts.isEmpty, Set(contacts) != Set(record.contacts) {
        console.warn(
          "the account with \(authority.title) already has other contacts, which --email does not "
            + "change; to change them, run: certctl account update --ca \(text) --email ADDRESS")
      }
      // With several CAs it is unknown which one the external account belongs to.
      if authorities.count == 1, let external = given.externalAccount,
        external.keyID != record.externalAccount
      {
        console.warn(
          "the existing account with \(authority.title) is not bound to \(external.keyID); "
            + "to replace it, first run: certctl account deactivate --ca \(text)")
      }
    }
  }

  /// Looks up users and groups, which may take long (LDAP).
  @Disk private static func checkOwner(_ files: FileSettings) throws {
    _ = try files.keyAttributes()
  }

  @Disk private static func checkHook(_ path: String, isGiven: Bool) throws {
    do throws(HostError) {
      _ = try TrustedPath(path, .program)
    } catch {
      let isMissing = error.code == .notFound
      let why = isMissing ? "no such file" : error.detail ?? error.description
      let hint =
        isMissing && path.contains(" ")
        ? "put the command into a script: a hook is the path of a program, without arguments"
        : error.hint
      throw CertctlError(
        isGiven ? .usage : .configuration,
        "cannot use the hook \(path): \(why)", hint: hint)
    }
  }

  @Disk private static func checkWebroot(_ path: String) throws {
    do {
      _ = try UntrustedFolder.open(path)
    } catch {
      throw CertctlError(
        .usage, "cannot use the webroot \(path): \(error.detail ?? "\(error)")",
        hint: "use the directory that the web server serves as / for these names, such as "
          + "/var/www/html")
    }
  }
}
