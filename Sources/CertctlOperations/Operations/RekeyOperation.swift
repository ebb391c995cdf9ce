import ACME
import CertctlBase
import CertctlCore
package import CertctlCrypto
import CertctlIssuing
package import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

/// The report of `rekey`.
package struct RekeyReport: Encodable, Sendable {
  /// The format version.
  package var version = 1
  /// The certificate in use, with its new key.
  package let certificate: LineageReport
  /// The serial numbers of the revoked certificates in hexadecimal.
  package var revoked: [String]
  /// The results of the hooks that ran.
  package var hooks: [HookResult]?
}

/// An operation that deploys a certificate with a new key, and revokes a compromised one.
///
/// The old certificate is revoked last, with its own key, and only after servers use the new one:
/// no server must be left with a revoked certificate. The next call resumes an interrupted change.
///
/// - Returns: The new state of the lineage, and the revoked certificates.
/// - Throws: `CertctlError`, with code `deploymentFailed` if the new certificate could not be
///   deployed and the old one was therefore not revoked; `CancellationError`.
package struct RekeyOperation: Operation {
  /// The lineage.
  package var name: LineageName
  /// Whether the old key is compromised.
  package var isCompromised: Bool
  /// The type of the new key; nil for the lineage's.
  package var keyType: KeyType?

  package init(_ name: LineageName, isCompromised: Bool = false, keyType: KeyType? = nil) {
    self.name = name
    self.isCompromised = isCompromised
    self.keyType = keyType
  }

  package func run(in context: Context) async throws -> RekeyReport {
    try await Run(context: context).rekey(name, isCompromised: isCompromised, keyType: keyType)
  }

  private struct Run: ContextPart {
    let context: Context

    func rekey(
      _ name: LineageName, isCompromised: Bool = false, keyType: KeyType? = nil
    ) async throws -> RekeyReport {
      try await change(name) {
        let lineage = try await begin(name, isCompromised: isCompromised)
        let isOld = try await stillHasOldKey(lineage, name)
        let isUnderWay = try await certificatesInUse.isOrderUnderWay(name)
        let hooks: [HookResult]
        if isOld || isUnderWay {
          hooks = try await replace(lineage, name, keyType, mayOrder: isOld)
        } else {
          // After a crash, the order of the certificate in use may still be on disk.
          try await PendingStore(state: state).discard(name)
          hooks = try await deploy(
            reporting: name, isCompromised: lineage.rekey?.isCompromised ?? false)
        }
        let revoked = try await revokeOld(name)
        return RekeyReport(
          certificate: try await reporter.report(on: name), revoked: revoked,
          hooks: hooks.isEmpty ? nil : hooks)
      }
    }

    // MARK: - Steps

    /// Records the certificates to replace, unless an earlier run did.
    private func begin(_ name: LineageName, isCompromised: Bool) async throws -> Lineage {
      guard var lineage = try await lineages.lineage(name),
        let issuance = lineage.issuance
      else {
        throw CertctlError(
          .notFound, "cannot rekey \(name): its issuance was not recorded",
          hint: "to get a new certificate, run: certctl issue NAMES --name \(name)")
      }
      guard lineage.settings.csr == nil else {
        throw CertctlError(
          .refused, "cannot rekey \(name): its key belongs to your CSR and is not on this host",
          hint: "create a new key and CSR, then run: certctl issue --csr FILE")
      }
      if var known = lineage.rekey {
        if isCompromised && !known.isCompromised {
          known.isCompromised = true
          lineage.rekey = known
          try await context.save(lineage)
        }
        console.logger.info(
          "\(name): resuming the key change of \(known.date.rfc3339)")
        return lineage
      }
      let current = try await certificatesInUse.inUse(name)
      // A pending order may be for the old key; discarding it loses nothing else.
      try await PendingStore(state: state).discard(name)
      var old = [
        Lineage.Rekey.Old(
          sha256: current.leaf.sha256Fingerprint.hexadecimal, directory: issuance.directory)
      ]
      if let rsa = current.rsa {
        old.append(
          .init(
            sha256: rsa.leaf.sha256Fingerprint.hexadecimal,
            directory: issuance.place(of: .rsa).directory))
      }
      lineage.rekey = Lineage.Rekey(
        date: environment.clock.now(), isCompromised: isCompromised, old: old)
      try await context.save(lineage)
      return lineage
    }

    /// Returns whether the certificate to deploy has one of the old keys.
    private func stillHasOldKey(_ lineage: Lineage, _ name: LineageName) async throws -> Bool {
      guard let rekey = lineage.rekey else { return true }
      let live = try await certificatesInUse.chosen(name).leaves
      let old = try await oldCertificates(rekey, name)
      return live.contains { leaf in
        let sha256 = leaf.sha256Fingerprint.hexadecimal
        return rekey.old.contains { $0.sha256 == sha256 }
          || old.contains { leaf.publicKey == $0.key.publicKey }
      }
    }

    /// Orders, stores and deploys a certificate with a new key.
    private func replace(
      _ known: Lineage, _ name: LineageName, _ keyType: KeyType?, mayOrder: Bool
    ) async throws -> [HookResult] {
      let isCompromised = known.rekey?.isCompromised ?? false
      var overrides = SettingsOverrides()
      overrides.keyType = keyType
      let settings = overrides.resolved(
        names: known.settings.names, lineage: known.settings, defaults: context.defaults.settings)
      try await journal.cleanJournal(name, known.settings.challenge)
      let acquisition = CertificateAcquirer(
        context: context,
        sessions: CASessionPool(context, registration: accountDesk.completed(.init())),
        name: name, known: known, settings: settings,
        current: try await certificatesInUse.chosen(name),
        mayOrder: mayOrder, heedsLimits: !isCompromised)
      do {
        return try await withHooks(due: [try await reporter.report(on: name)]) {
          if try await !acquisition.run() {
            try await PendingStore(state: state).discard(name)
          }
          return ((), try await deploy(reporting: name, isCompromised: isCompromised))
        } occasion: { result in
          let reports = ((try? await reporter.report(on: name)).map { [$0] }) ?? []
          switch result {
          case .success: return .post(renewed: reports, failed: [])
          case .failure: return .post(renewed: [], failed: reports)
          }
        }.hooks
      } catch let error as CertctlError where error.code == .deploymentFailed {
        throw error
      } catch  where isCompromised {
        console.warn(
          "the old certificate of \(name) was not revoked, because there is no new one yet; "
            + "to retry, run: certctl rekey \(name) --compromised")
        throw error
      }
    }

    /// Deploys the certificate, and throws if that fails.
    private func deploy(reporting name: LineageName, isCompromised: Bool) async throws
      -> [HookResult]
    {
      let outcome = try await deployer.deploy(name)
      guard let failure = outcome.failure else {
        if isCompromised, !outcome.isServed, try await hasNoDeployHook(name) {
          console.warn(
            "\(name) has no deploy hook and nginx does not serve it: reload its servers now, "
              + "because the old certificate is being revoked")
        }
        return outcome.hooks
      }
      let file = certificates.livePath(name, "fullchain.pem")
      throw CertctlError(
        .deploymentFailed,
        "cannot deploy the new certificate of \(name) (\(file)): \(failure)"
          + (isCompromised ? "; the old one was not revoked" : ""),
        hint: "test the hooks: certctl hook run --event deploy --lineage \(name); then run: "
          + (isCompromised
            ? "certctl rekey \(name) --compromised"
            : "certctl renew \(name)"))
    }

    private func hasNoDeployHook(_ name: LineageName) async throws -> Bool {
      let own = try await lineages.lineage(name)?.settings.hooks ?? []
      return try await !context.hooks.list(.deploy, own: own).contains(where: \.isUsable)
    }

    // MARK: - Revoking

    private struct OldCertificate: Sendable {
      let leaf: Certificate
      let key: PrivateKey
      let directory: String
    }

    /// Returns the certificates that a key change replaces, with their keys.
    private func oldCertificates(
      _ rekey: Lineage.Rekey, _ name: LineageName
    ) async throws -> [OldCertificate] {
      let places = Dictionary(rekey.old.map { ($0.sha256, $0.directory) }) { $1 }
      var old: [OldCertificate] = []
      for generation in try await certificates.generations(name) {
        // Skip unreadable generations; `revokeOld` reports the missing certificates.
        guard let stored = try? await certificates.load(generation, of: name) else { continue }
        var keyed = stored.key.map { [(stored.leaf, $0)] } ?? []
        if let rsa = stored.rsa { keyed.append((rsa.leaf, rsa.key)) }
        old += keyed.compactMap { leaf, key in
          places[leaf.sha256Fingerprint.hexadecimal].map {
            OldCertificate(leaf: leaf, key: key, directory: $0)
          }
        }
      }
      return old
    }

    /// Revokes compromised certificates with their own keys, and completes the key change.
    ///
    /// - Returns: The serial numbers of the revoked certificates.
    private func revokeOld(_ name: LineageName) async throws -> [String] {
      guard var lineage = try await lineages.lineage(name),
        var rekey = lineage.rekey
      else { return [] }
      var revoked: [String] = []
      let begun = rekey
      for certificate in try await oldCertificates(begun, name)
      where begun.isCompromised {
        let (leaf, now) = (certificate.leaf, environment.clock.now())
        // CAs do not revoke expired certificates.
        if leaf.notAfter > now {
          try await revoke(certificate, name, caBundle: lineage.settings.caBundle)
          revoked.append(leaf.serialNumber.hexadecimal)
        }
        rekey.old.removeAll { $0.sha256 == leaf.sha256Fingerprint.hexadecimal }
        lineage.rekey = rekey
        lineage.noteRevoked([leaf], now: now)
        try await context.save(lineage)
        await events.append(
          Event(
            time: now, event: "revoked", lineage: name.value, authority: certificate.directory,
            message: "keyCompromise"))
      }
      let missing = rekey.isCompromised ? rekey.old.map(\.sha256) : []
      lineage.rekey = nil
      try await context.save(lineage)
      guard missing.isEmpty else {
        throw CertctlError(
          .notFound,
          "cannot revoke the old certificate of \(name): it is no longer on disk "
            + "(SHA-256 \(missing.joined(separator: ", ")))",
          hint:
            "get the certificate and its key from a backup, and revoke it with another ACME client")
      }
      return revoked
    }

    private func revoke(
      _ certificate: OldCertificate, _ name: LineageName, caBundle: String?
    ) async throws {
      let revocation = try await attempt {
        try await context.client(directory: certificate.directory, caBundle: caBundle).revoke(
          certificate: certificate.leaf, certificateKey: certificate.key, reason: .keyCompromise)
      }
      if case .failure(let cause) = revocation {
        throw CertctlError(
          cause.code,
          "cannot revoke the old certificate of \(name): \(cause.message)",
          hint: "to retry, run: certctl rekey \(name) --compromised",
          problem: cause.problem, isRetryable: cause.isRetryable, retryAfter: cause.retryAfter)
      }
    }
  }
}
