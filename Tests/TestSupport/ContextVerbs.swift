package import ACME
package import CertctlCrypto
package import CertctlOperations
package import CertctlStore

/// Shorthands that run the operations.
extension Context {
  package func issue(_ request: IssueRequest) async throws -> IssueReport {
    try await run(IssueOperation(request))
  }

  package func renew(_ request: RenewRequest = .init()) async throws -> RenewReport {
    try await run(RenewOperation(request))
  }

  package func rekey(
    _ name: LineageName, isCompromised: Bool = false, keyType: KeyType? = nil
  ) async throws -> RekeyReport {
    try await run(RekeyOperation(name, isCompromised: isCompromised, keyType: keyType))
  }

  package func list() async throws -> [LineageReport] { try await run(ListOperation()) }

  package func show(_ name: LineageName) async throws -> LineageReport {
    try await run(ShowOperation(name))
  }

  package func delete(_ name: LineageName, inUse: InUsePolicy = .refuse) async throws {
    try await run(DeleteOperation(name, inUse: inUse))
  }

  package func rollback(
    _ name: LineageName, to number: Int? = nil, force: Bool = false
  ) async throws -> LineageReport {
    try await run(RollbackOperation(name, to: number, force: force))
  }

  package func listHooks() async throws -> [HookReport] { try await run(ListHooksOperation()) }

  package func tryHooks(
    named name: String?, event: HookEvent, lineage: LineageName?, notice: HookNotice? = nil
  ) async throws -> [HookResult] {
    try await run(TryHooksOperation(named: name, event: event, lineage: lineage, notice: notice))
  }

  package func listAccounts() async throws -> [AccountReport] {
    try await run(ListAccountsOperation())
  }

  package func deactivateAccount(
    authority: String, caBundle: String? = nil, locally: Bool = false
  ) async throws -> AccountReport {
    try await run(
      DeactivateAccountOperation(authority: authority, caBundle: caBundle, locally: locally))
  }

  package func revoke(
    _ name: LineageName, reason: RevocationReason, byCertificateKey: Bool = false,
    inUse: InUsePolicy = .refuse
  ) async throws -> LineageReport {
    try await run(
      RevokeOperation(name, reason: reason, byCertificateKey: byCertificateKey, inUse: inUse))
  }

  package func persistentRecord(
    _ request: PersistentRecordRequest
  ) async throws -> PersistentRecordReport {
    try await run(PersistentRecordOperation(request))
  }
}
