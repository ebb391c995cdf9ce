public import ACME
import CertctlBase
import FoundationEssentials
import PKI

extension Manager {
  /// Revokes the certificate in use (RFC 8555, section 7.6).
  ///
  /// By the account that ordered it, or by the certificate's own key where that account is gone
  /// or `byCertificateKey` is set.
  ///
  /// - Returns: The lineage after it.
  /// - Throws: `CertctlError`, `refused` when it is in use and `inUse` does not allow it.
  public func revoke(
    _ name: LineageName, reason: RevocationReason, byCertificateKey: Bool = false,
    inUse policy: InUsePolicy = .refuse
  ) async throws -> LineageReport {
    try await change(name) {
      try await requireUnused(name, policy)
      guard var lineage = try await Blocking.run({ try lineages.lineage(name) }),
        let issuance = lineage.issuance
      else {
        throw CertctlError(
          .notFound, "nothing is known of where the certificate of \(name) came from",
          hint: "revoke it with another client, by its key")
      }
      let current = try await inUse(name)
      var keyed: [(Certificate, PrivateKey?, CertificatePart)] = [
        (current.leaf, current.key, .main)
      ]
      if let rsa = current.rsa { keyed.append((rsa.leaf, rsa.key, .rsa)) }
      for (leaf, key, part) in keyed {
        try await revoke(
          leaf, key, of: name, issuance, part, reason: reason, byKey: byCertificateKey)
      }
      let now = services.clock.now()
      lineage.noteRevoked(current.leaves, now: now)
      try await save(lineage)
      if case .replaceByPlaceholder = policy { try await replaceByPlaceholder(name) }
      await events.append(
        Event(
          time: now, event: "revoked", lineage: name.value, authority: issuance.directory))
      return try await report(on: name)
    }
  }

  /// Revokes one certificate by the account that ordered it, or by its key.
  private func revoke(
    _ leaf: Certificate, _ key: PrivateKey?, of name: LineageName,
    _ issuance: Lineage.Issuance, _ part: CertificatePart, reason: RevocationReason, byKey: Bool
  ) async throws {
    let place = issuance.place(of: part)
    let client = try client(directory: place.directory, caBundle: issuance.settings.caBundle)
    let stored = try await Blocking.run {
      try accounts.account(place.account, for: place.directory)
    }
    if !byKey, let stored, let url = stored.record.url, stored.record.deactivated == nil {
      return try await client.account(url: url, key: stored.key)
        .revoke(certificate: leaf, reason: reason)
    }
    guard let key else {
      throw CertctlError(
        .refused, "the key of \(name) is not here: it was made from a request of your own",
        hint: byKey
          ? "leave out --by-certificate-key to revoke it by the account"
          : "the account that ordered it is gone, too: revoke it where its key is")
    }
    try await client.revoke(certificate: leaf, certificateKey: key, reason: reason)
  }

  /// Removes a lineage with its certificates and keys.
  ///
  /// - Throws: `CertctlError`, `refused` when it is in use and `inUse` does not allow it.
  public func delete(_ name: LineageName, inUse policy: InUsePolicy = .refuse) async throws {
    try await change(name) {
      try await requireUnused(name, policy)
      // Only the lineage's settings say where an earlier run's challenges were presented.
      if let lineage = try? await Blocking.run({ try lineages.lineage(name) }) {
        try await cleanJournal(name, lineage.settings.challenge)
      }
      var keepsPlaceholder = false
      if case .replaceByPlaceholder = policy {
        try await replaceByPlaceholder(name)
        keepsPlaceholder = true
      }
      try await Blocking.run { [keepsPlaceholder] in
        // What servers read goes before what says how to renew it.
        if keepsPlaceholder {
          _ = try certificates.prune(name, keeping: 1, sparing: [])
        } else {
          try certificates.remove(name)
        }
        try PendingStore(state: state).discard(name)
        try lineages.remove(name)
      }
      await events.append(
        Event(time: services.clock.now(), event: "deleted", lineage: name.value))
    }
  }

  /// Puts an earlier generation back to use.
  ///
  /// - Parameters:
  ///   - name: The lineage.
  ///   - number: The generation's number; the one before the one in use by default.
  ///   - force: Use it although it has expired or was revoked.
  /// - Returns: The lineage after it.
  /// - Throws: `CertctlError`.
  public func rollback(
    _ name: LineageName, to number: Int? = nil, force: Bool = false
  ) async throws -> LineageReport {
    try await change(name) {
      let generations = try await Blocking.run { try certificates.generations(name) }
      let live = try await Blocking.run { try certificates.liveGeneration(name) }
      let wanted = generations.last {
        number.map { [number = $0.number] in number == $0 }
          ?? ($0.number < live?.number ?? .max)
      }
      guard let wanted else {
        let there = generations.map { String($0.number) }.joined(separator: ", ")
        throw CertctlError(
          .notFound,
          number.map { "\(name) has no generation \($0)" }
            ?? "\(name) has no generation before the one in use",
          hint: "its generations: \(there.isEmpty ? "none" : there)")
      }
      try await choose(wanted, of: name, force: force)
      if let failure = try await deploy(name).failure {
        let report = try await report(on: name)
        throw CertctlError(
          .deploymentFailed,
          "generation \(wanted.number) of \(name) could not be deployed: \(failure)",
          hint: (report.generationInUse.map { "generation \($0) is still in use; " } ?? "")
            + "certctl renew tries it again")
      }
      await events.append(
        Event(
          time: services.clock.now(), event: "rolledBack", lineage: name.value,
          generation: wanted.number))
      return try await report(on: name)
    }
  }

  /// Makes a generation the candidate for the next deployment.
  private func choose(_ generation: Generation, of name: LineageName, force: Bool) async throws {
    let stored = try await Blocking.run { try certificates.load(generation, of: name) }
    let lineage = try await Blocking.run { try lineages.lineage(name) }
    guard stored.isPair else {
      throw CertctlError(
        .damagedState, "generation \(generation.number) of \(name) has another key than certificate"
      )
    }
    let fault: String? =
      if stored.leaf.notAfter <= services.clock.now() {
        "expired on \(stored.leaf.notAfter.rfc3339)"
      } else if lineage?.isRevoked(stored.leaf) ?? false { "was revoked" } else { nil }
    if let fault, !force {
      throw CertctlError(
        .refused, "generation \(generation.number) of \(name) \(fault)",
        hint: "give --force to use it all the same")
    }
    guard var lineage else {
      // Without its file nothing can be kept of a candidate.
      return try await Blocking.run { try certificates.use(generation, of: name) }
    }
    lineage.candidate = generation.number
    try await save(lineage)
  }

  func inUse(_ name: LineageName) async throws -> IssuedCertificate {
    let live = try await Blocking.run { try certificates.liveGeneration(name) }
    return try await certificate(live, of: name)
  }

  /// What is to be used: the candidate for the next deployment, else what is in use.
  func chosen(_ name: LineageName) async throws -> IssuedCertificate {
    let generation = try await Blocking.run {
      try certificates.chosenGeneration(name, lineages.lineage(name))
    }
    return try await certificate(generation, of: name)
  }

  private func certificate(
    _ generation: Generation?, of name: LineageName
  ) async throws -> IssuedCertificate {
    guard let generation else {
      throw CertctlError(
        .notFound, "\(name) has no certificate in use", hint: "get one: certctl issue \(name)")
    }
    return try await Blocking.run { try certificates.load(generation, of: name) }
  }

  func change<T: Sendable>(
    _ name: LineageName, _ body: () async throws -> T
  ) async throws -> T {
    do {
      try await requireLineage(name)
      return try await withLineage(name, body)
    } catch let error as CancellationError {
      throw error
    } catch {
      throw CertctlError(wrapping: error)
    }
  }
}
