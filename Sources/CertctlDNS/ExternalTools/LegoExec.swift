import CertctlCore

/// A program that implements lego's exec protocol: `present` or `cleanup`, a name and a value.
package struct LegoExec: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "exec", title: "external program (lego exec protocol)",
    documentation: "https://go-acme.github.io/lego/dns/exec/",
    settings: [
      .init(
        "EXEC_PATH", "path of the program, if not given as --dns exec:PATH", isSecret: false,
        fallback: ""),
      .init(
        "EXEC_MODE", "RAW to pass domain, token and key authorization instead of name and value",
        isSecret: false, fallback: ""),
    ], timeLimit: 600, argument: "PATH")

  var program: UserProgram
  private let isRaw: Bool
  private let ledger = ProgramLedger()

  package init(_ context: DNSProviderContext) throws {
    guard let path = context.argument ?? context.optional("EXEC_PATH") else {
      throw CertctlError(
        .usage, "--dns exec requires a program",
        hint: "use --dns exec:/path/to/program, or set EXEC_PATH")
    }
    program = try UserProgram(path, kind: "DNS program", environment: context.environment)
    let mode = context.optional("EXEC_MODE")
    guard mode == nil || mode == "RAW" else {
      throw context.wrong("EXEC_MODE", "must be RAW or empty")
    }
    isRaw = mode == "RAW"
  }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.publish(records) { record, _ in
      try await program.run(arguments("present", record), to: "add \(record.name)")
    }
  }

  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.remove(records) { record, _ in
      try await program.run(arguments("cleanup", record), to: "remove \(record.name)")
    }
  }

  private func arguments(_ verb: String, _ record: ChallengeRecord) -> [String] {
    isRaw
      ? [verb, "--", record.domain, record.token, record.keyAuthorization]
      : [verb, "\(record.name).", record.value]
  }
}
