import ACME
import CertctlBase
import CertctlCore
import CertctlDNS
import CertctlHTTP
import CertctlIssuing
import CertctlStore
import CertctlSystem

/// What a request leads to, and whether that can be.
struct SettingsCheck: ContextPart {
  let context: Context

  /// The settings that a request leads to, once they fit together.
  ///
  /// - Throws: `CertctlError` with code `usage`; no CA is asked and nothing is written.
  func settings(
    for request: IssueRequest, _ known: Lineage?, of name: LineageName
  ) throws -> LineageSettings {
    var settings = request.overrides.resolved(
      names: request.names, lineage: known?.settings, defaults: context.defaults.settings)
    // First what cannot be: after it, the rest is about what is superfluous.
    try settings.challenge.check(settings.names, isGiven: request.overrides.challenge != nil)
    try request.overrides.checkUse(
      by: settings.challenge.types(for: settings.names), proving: settings.names)
    if let dns = settings.challenge.dns, let type = try dns.provider.map({ _ in try dns.type() }) {
      // The timer's renewals see another environment: what is given now is kept, secrets by reference.
      let references = context.solverContext.credentials.references(
        for: type.descriptor, known: dns.references ?? [:])
      settings.challenge.dns?.references = references.isEmpty ? nil : references
    }
    try request.checkGivenRequest(settings, of: name)
    return settings
  }

  /// Finds what is wrong with a request before anything is written or sent.
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
    // Those that the lineage has had for long are the deployment's to tell of.
    for hook in settings.hooks ?? [] where known?.settings.hooks?.contains(hook) != true {
      try await Self.checkHook(hook, isGiven: request.overrides.hooks != nil)
    }
  }

  /// Says which secrets only this process's environment has.
  @Disk private func warnOfSecrets(_ descriptor: DNSProviderDescriptor, _ dns: DNSSettings) {
    let names = context.solverContext.credentials.secretsOfEnvironment(
      descriptor, references: dns.references ?? [:])
    guard let first = names.first else { return }
    console.warn(
      "\(names.joined(separator: ", ")) \(names.count == 1 ? "is" : "are") in the environment only: "
        + "renewals by the timer will not find \(names.count == 1 ? "it" : "them"). Put the value "
        + "into \(context.solverContext.configDirectory)/secrets/\(first) (mode 0600), or give "
        + "\(first)_FILE")
  }

  /// Says what was given for a new account, where there is one that was made otherwise.
  ///
  /// - Throws: `CertctlError` with code `usage` for a CA that is none.
  private func warnOfAccounts(at authorities: [String], _ given: Registration) async throws {
    let contacts = try given.contacts()
    for text in authorities {
      let authority = try CertificateAuthority.named(text)
      guard let record = try? await accounts.account(for: authority.directory)?.record,
        record.url != nil
      else { continue }
      if !contacts.isEmpty, Set(contacts) != Set(record.contacts) {
        console.warn(
          "the account with \(authority.title) is there already, with other contacts, and --email does not "
            + "change it: certctl account update --ca \(text) --email ADDRESS does")
      }
      // Of several CAs it is not known which one it is for.
      if authorities.count == 1, let external = given.externalAccount,
        external.keyID != record.externalAccount
      {
        console.warn(
          "the account with \(authority.title) is there already, and not bound to "
            + "\(external.keyID): certctl account deactivate --ca \(text) makes way for one that "
            + "is")
      }
    }
  }

  /// Asks for users and groups, which may be far away (LDAP).
  @Disk private static func checkOwner(_ files: FileSettings) throws {
    _ = try files.keyAttributes()
  }

  @Disk private static func checkHook(_ path: String, isGiven: Bool) throws {
    do throws(HostError) {
      _ = try TrustedPath(path, .program)
    } catch {
      let isMissing = error.code == .notFound
      let why = isMissing ? "there is no such file" : error.detail ?? error.description
      let hint =
        isMissing && path.contains(" ")
        ? "a hook is the path of one program, run without a shell and without arguments: put the "
          + "command into a script" : error.hint
      throw CertctlError(
        isGiven ? .usage : .configuration,
        "the hook \(path) cannot be used: \(why)", hint: hint)
    }
  }

  @Disk private static func checkWebroot(_ path: String) throws {
    do {
      _ = try UntrustedFolder.open(path)
    } catch {
      throw CertctlError(
        .usage, "cannot use the webroot \(path): \(error.detail ?? "\(error)")",
        hint: "give the folder that the web server shows as / for these names, such as "
          + "/var/www/html")
    }
  }
}
