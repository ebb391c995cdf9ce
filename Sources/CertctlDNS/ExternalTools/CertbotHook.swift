import CertctlCore

/// Programs that were written for certbot's `--manual-auth-hook` and `--manual-cleanup-hook`.
///
/// They are told the domain alone, so where `_acme-challenge` is a CNAME they have to know it.
package struct CertbotHook: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "certbot-hook", title: "a manual hook of certbot",
    documentation:
      "https://eff-certbot.readthedocs.io/en/stable/using.html#pre-and-post-validation-hooks",
    timeLimit: 600, argument: "AUTH[,CLEANUP]")

  var auth: UserProgram
  var cleanup: UserProgram?
  private let warn: @Sendable (String) -> Void
  private let ledger = ProgramLedger()

  package init(_ context: DNSProviderContext) throws {
    let paths = try context.requiredArgument()
      .split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    auth = try UserProgram(paths[0], kind: "certbot hook", environment: context.environment)
    cleanup =
      paths.count < 2
      ? nil
      : try UserProgram(paths[1], kind: "certbot cleanup hook", environment: context.environment)
    warn = context.environment.console.warn
  }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.publish(records) { record, index in
      let output = try await auth.run(
        variables: Self.variables(records, index), to: "publish the record of \(record.domain)")
      let start = output.drop(while: \.isWhitespace)
      return start.lastIndex { !$0.isWhitespace }.map { String(start[...$0]) } ?? ""
    }
  }

  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    guard let cleanup else {
      let names = Set(records.map(\.name)).sorted().joined(separator: ", ")
      return warn(
        "the TXT record stays, since no cleanup hook was given: \(names)")
    }
    try await ledger.remove(records) { record, index in
      var variables = Self.variables(records, index)
      // Who published it may have been a process that crashed; then nobody knows what the hook said.
      var output = ""
      if case .published(let text) = ledger.last(record) { output = text }
      variables["CERTBOT_AUTH_OUTPUT"] = output
      try await cleanup.run(variables: variables, to: "remove the record of \(record.domain)")
    }
  }

  /// As certbot sets them for dns-01: no token, which belongs to http-01.
  private static func variables(_ records: [ChallengeRecord], _ index: Int) -> [String: String?] {
    [
      "CERTBOT_DOMAIN": records[index].domain,
      "CERTBOT_VALIDATION": records[index].value,
      "CERTBOT_REMAINING_CHALLENGES": "\(records.count - index - 1)",
      "CERTBOT_ALL_DOMAINS": records.map(\.domain).joined(separator: ","),
      "CERTBOT_TOKEN": nil,
      "CERTBOT_AUTH_OUTPUT": nil,
    ]
  }
}
