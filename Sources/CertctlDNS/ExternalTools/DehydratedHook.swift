/// A hook written for dehydrated: `deploy_challenge` and `clean_challenge`.
///
/// It gets only the domain, so it must resolve a CNAME of `_acme-challenge` itself.
package struct DehydratedHook: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "dehydrated-hook", title: "dehydrated hook",
    documentation:
      "https://github.com/dehydrated-io/dehydrated/blob/master/docs/dns-verification.md",
    timeLimit: 600, argument: "PATH")

  var program: UserProgram
  private let ledger = ProgramLedger()

  package init(_ context: DNSProviderContext) throws {
    program = try UserProgram(
      context.requiredArgument(), kind: "dehydrated hook", environment: context.environment)
  }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.publish(records) { record, _ in
      try await program.run(
        ["deploy_challenge", record.domain, record.token, record.value],
        to: "add the record of \(record.domain)")
    }
  }

  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.remove(records) { record, _ in
      try await program.run(
        ["clean_challenge", record.domain, record.token, record.value],
        to: "remove the record of \(record.domain)")
    }
  }
}
