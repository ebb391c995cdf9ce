import CertctlCore

/// Programs written for certbot's `--manual-auth-hook` and `--manual-cleanup-hook`.
///
/// They get only the domain, so they must resolve a CNAME of `_acme-challenge` themselves.
package struct CertbotHook: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "certbot-hook", title: "certbot manual hook",
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
        variables: Self.variables(records, index), to: "add the record of \(record.domain)")
      let start = output.drop(while: \.isWhitespace)
      return start.lastIndex { !$0.isWhitespace }.map { String(start[...$0]) } ?? ""
    }
  }

  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    guard let cleanup else {
      let names = Set(records.map(\.name)).sorted().joined(separator: ", ")
      return warn(
        "the TXT record remains because no certbot cleanup hook is set: \(names)")
    }
    try await ledger.remove(records) { record, index in
      var variables = Self.variables(records, index)
      // If another process published it and crashed, the output of the hook is unknown.
      var output = ""
      if case .published(let text) = ledger.last(record) { output = text }
      variables["CERTBOT_AUTH_OUTPUT"] = output
      try await cleanup.run(variables: variables, to: "remove the record of \(record.domain)")
    }
  }

  /// Returns the variables that certbot sets for dns-01: no token, which only http-01 has.
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
