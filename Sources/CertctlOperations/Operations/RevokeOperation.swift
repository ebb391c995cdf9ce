package import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
package import CertctlStore
import CertctlSystem
import FoundationEssentials

/// An operation that revokes the certificate in use (RFC 8555, section 7.6).
///
/// It signs with the key of the account that ordered the certificate, or with the certificate's
/// key if that account is gone or `byCertificateKey` is set.
///
/// - Returns: The new state of the lineage.
/// - Throws: `CertctlError`, with code `refused` if the certificate is in use and `inUse` does not
///   allow it.
package struct RevokeOperation: Operation {
  package var name: LineageName
  package var reason: RevocationReason
  package var byCertificateKey: Bool
  package var inUse: InUsePolicy

  package init(
    _ name: LineageName, reason: RevocationReason, byCertificateKey: Bool = false,
    inUse: InUsePolicy = .refuse
  ) {
    self.name = name
    self.reason = reason
    self.byCertificateKey = byCertificateKey
    self.inUse = inUse
  }

  package func run(in context: Context) async throws -> LineageReport {
    try await Run(context: context).revoke(
      name, reason: reason, byCertificateKey: byCertificateKey, inUse: inUse)
  }

  private struct Run: ContextPart {
    let context: Context

    func revoke(
      _ name: LineageName, reason: RevocationReason, byCertificateKey: Bool = false,
      inUse policy: InUsePolicy = .refuse
    ) async throws -> LineageReport {
      try await change(name) {
        try await useGuard.requireUnused(name, policy)
        guard var lineage = try await lineages.lineage(name),
          let issuance = lineage.issuance
        else {
          throw CertctlError(
            .notFound, "cannot revoke \(name): its issuance was not recorded",
            hint: "revoke it with its key and another ACME client")
        }
        let current = try await certificatesInUse.inUse(name)
        var keyed: [(Certificate, PrivateKey?, CertificatePart)] = [
          (current.leaf, current.key, .main)
        ]
        if let rsa = current.rsa { keyed.append((rsa.leaf, rsa.key, .rsa)) }
        for (leaf, key, part) in keyed {
          try await revoke(
            leaf, key, of: name, issuance, part, reason: reason, byKey: byCertificateKey)
        }
        let now = environment.clock.now()
        lineage.noteRevoked(current.leaves, now: now)
        try await context.save(lineage)
        if case .replaceByPlaceholder = policy { try await useGuard.replaceByPlaceholder(name) }
        await events.append(
          Event(
            time: now, event: "revoked", lineage: name.value, authority: issuance.directory))
        return try await reporter.report(on: name)
      }
    }

    /// Revokes one certificate with the account that ordered it, or with the certificate's key.
    private func revoke(
      _ leaf: Certificate, _ key: PrivateKey?, of name: LineageName,
      _ issuance: Lineage.Issuance, _ part: CertificatePart, reason: RevocationReason, byKey: Bool
    ) async throws {
      let place = issuance.place(of: part)
      let client = try context.client(
        directory: place.directory, caBundle: issuance.settings.caBundle)
      let stored = try await accounts.account(place.account, for: place.directory)
      if !byKey, let stored, let url = stored.record.url, stored.record.deactivated == nil {
        return try await client.account(url: url, key: stored.key)
          .revoke(certificate: leaf, reason: reason)
      }
      guard let key else {
        throw CertctlError(
          .refused, "cannot revoke \(name): its key belongs to your CSR and is not on this host",
          hint: byKey
            ? "to revoke it with the account, leave out --by-certificate-key"
            : "use its key with another ACME client: the account is no longer on this host")
      }
      try await client.revoke(certificate: leaf, certificateKey: key, reason: reason)
    }
  }
}
