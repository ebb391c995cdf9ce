/// A hook written for uacme: `begin`, then `done` or `failed`.
///
/// It gets only the domain, so it must resolve a CNAME of `_acme-challenge` itself.
package struct UacmeHook: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "uacme-hook", title: "uacme hook",
    documentation: "https://ndilieto.github.io/uacme/uacme.html", timeLimit: 600, argument: "PATH")

  var program: UserProgram
  private let ledger = ProgramLedger()

  package init(_ context: DNSProviderContext) throws {
    program = try UserProgram(
      context.requiredArgument(), kind: "uacme hook", environment: context.environment)
  }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.publish(records) { record, _ in
      try await call("begin", record, to: "add the record of \(record.domain)")
    }
  }

  /// Removes the records: `failed` for those left by a crashed run, otherwise `done`.
  ///
  /// The result of the validation is not known here.
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
