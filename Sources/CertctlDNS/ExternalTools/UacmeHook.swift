/// A hook that was written for uacme: `begin`, then `done` or `failed`.
///
/// It is told the domain alone, so where `_acme-challenge` is a CNAME it has to know it.
package struct UacmeHook: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "uacme-hook", title: "a hook of uacme",
    documentation: "https://ndilieto.github.io/uacme/uacme.html", timeLimit: 600, argument: "PATH")

  var program: UserProgram
  private let ledger = ProgramLedger()

  package init(_ context: DNSProviderContext) throws {
    program = try UserProgram(
      context.requiredArgument(), kind: "uacme hook", environment: context.environment)
  }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.publish(records) { record, _ in
      try await call("begin", record, to: "publish the record of \(record.domain)")
    }
  }

  /// What a crash left behind has failed; of the rest nobody knows here what the CA said.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.remove(records) { record, _ in
      let method = ledger.last(record) == nil ? "failed" : "done"
      _ = try await call(method, record, to: "remove the record of \(record.domain)")
    }
  }

  private func call(
    _ method: String, _ record: ChallengeRecord, to action: String
  ) async throws -> String {
    try await program.run(
      [method, "dns-01", record.domain, record.token, record.value], to: action)
  }
}
