import ACME
import HostIO

extension Manager {
  /// The settings that a request leads to, once they fit together.
  ///
  /// - Throws: `CertctlError` with code `usage`; no CA is asked and nothing is written.
  func settings(
    for request: IssueRequest, _ known: Lineage?, of name: LineageName
  ) throws -> LineageSettings {
    let settings = request.overrides.resolved(
      names: request.names, lineage: known?.settings, defaults: defaults.settings)
    try request.overrides.checkUse(by: settings.challenge.type)
    try settings.challenge.check(settings.names)
    try request.checkGivenRequest(settings, of: name)
    return settings
  }

  /// Finds what is wrong with a request before anything is written or sent.
  func check(_ request: IssueRequest, as name: LineageName) async throws {
    _ = try completed(request.registration).contacts()
    try await Blocking.run {
      let known = try lineages.lineage(name)
      let settings = try settings(for: request, known, of: name)
      _ = try Catalog.solver(for: settings.challenge)
      for authority in settings.authorities { _ = try CertificateAuthority.named(authority) }
      _ = try settings.files.keyAttributes()
      if let bundle = settings.caBundle { try CABundle.inspect(bundle) }
      if let webroot = settings.challenge.webroot { try Self.checkWebroot(webroot) }
      // Those that the lineage has had for long are the deployment's to tell of.
      for hook in settings.hooks ?? [] where known?.settings.hooks?.contains(hook) != true {
        try Self.checkHook(hook, isGiven: request.overrides.hooks != nil)
      }
    }
  }

  private static func checkHook(_ path: String, isGiven: Bool) throws {
    do throws(HostError) {
      _ = try TrustedProgram(path)
    } catch {
      let isMissing = error.code == .notFound
      let why = isMissing ? "there is no such file" : error.detail ?? error.description
      let hint =
        isMissing && path.contains(" ")
        ? "a hook is the path of one program, run without a shell and without arguments: put the "
          + "command into a script" : error.hint
      throw CertctlError(
        isGiven ? .usage : .configuration,
        "the hook \(escapedForTerminal(path)) cannot be used: \(escapedForTerminal(why))",
        hint: hint.map(escapedForTerminal))
    }
  }

  private static func checkWebroot(_ path: String) throws {
    do {
      _ = try SafeFolder.open(path)
    } catch {
      throw CertctlError(
        .usage, "cannot use the webroot \(escapedForTerminal(path)): \(error.detail ?? "\(error)")",
        hint: "give the folder that the web server shows as / for these names, such as "
          + "/var/www/html")
    }
  }
}

extension SettingsOverrides {
  /// Refuses an option that was given and that this challenge type has no use for.
  func checkUse(by type: ChallengeType) throws {
    if tlsPort != nil && type != .tlsALPN01 {
      throw CertctlError(
        .usage, "--tls-port has no meaning for \(type.rawValue)",
        hint: "leave it out, or add --challenge tls-alpn-01")
    }
    if httpPort != nil && type != .http01 {
      throw CertctlError(
        .usage, "--http-port has no meaning for \(type.rawValue)",
        hint: "leave it out, or use --challenge http-01")
    }
    if webroot != nil && type != .http01 {
      throw CertctlError(
        .usage, "--webroot serves http-01 only, not \(type.rawValue)",
        hint: "leave out --webroot, or use --challenge http-01")
    }
  }
}
