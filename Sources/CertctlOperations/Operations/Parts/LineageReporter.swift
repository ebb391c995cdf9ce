import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlIssuing
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The source of lineage reports.
struct LineageReporter: ContextPart {
  let context: Context

  /// Returns the reports on all lineages, sorted by name, including damaged ones.
  func list() async throws -> [LineageReport] {
    // Servers may still use a certificate whose lineage file was lost.
    let names = try await Set(lineages.names() + certificates.linkedNames())
    var reports: [LineageReport] = []
    for name in names.sorted(by: { $0.value < $1.value }) {
      reports.append(try await report(on: name))
    }
    return reports
  }

  /// Returns the report on one lineage.
  ///
  /// - Throws: `CertctlError` with code `notFound` if it does not exist.
  func show(_ name: LineageName) async throws -> LineageReport {
    try await requireLineage(name)
    return try await report(on: name)
  }

  func requireLineage(_ name: LineageName) async throws {
    let others = try await lineages.names()
    var exists = others.contains(name)
    if !exists { exists = try await certificates.isLinked(name) }
    guard exists else {
      let names = others.prefix(5).map(\.value).joined(separator: ", ")
      throw CertctlError(
        .notFound, "no certificate named '\(name)' in \(state.path)",
        hint: others.isEmpty
          ? "to get one, run: certctl issue \(name)"
          : "available: \(names)\(others.count > 5 ? "; for all, run: certctl list" : "")")
    }
  }

  func report(on name: LineageName) async throws -> LineageReport {
    var report: LineageReport
    do {
      report = try await intactReport(name)
    } catch let error as HostError where error.code == .permissionDenied {
      // This is not a fault of the lineage: let the whole command fail.
      throw error
    } catch {
      report = LineageReport(name: name.value, state: .damaged, names: [])
      let wrapped = CertctlError(wrapping: error)
      report.problem = wrapped.message
      report.problemHint = wrapped.hint
    }
    report.findings = report.findings(at: environment.clock.now())
    return report
  }

  private func intactReport(_ name: LineageName) async throws -> LineageReport {
    let found = try await state.snapshot(of: name)
    let lineage = found.lineage
    var report = LineageReport(
      name: name.value, state: .missing, names: lineage?.settings.names.map(\.value) ?? [])
    if let settings = lineage?.settings {
      report.authority = settings.authorities.first
      report.challenge = settings.challenge.type.rawValue
      report.dns = settings.challenge.dns?.provider
      report.keyType = settings.keyType.rawValue
    }
    report.lastFailure = lineage?.lastFailure
    report.failures = lineage?.schedule?.failures?.count
    report.generations = found.generations.map(\.number)
    guard let chosen = found.chosen else { return report }
    report.describe(found.leaves, of: lineage, now: environment.clock.now())
    report.generation = chosen.number
    if let live = found.live, live != chosen { report.generationInUse = live.number }
    report.directory = certificates.livePath(name)
    report.fullchain = certificates.livePath(name, "fullchain.pem")
    report.privkey = found.hasKey ? certificates.livePath(name, "privkey.pem") : nil
    report.rsa?.fullchain = certificates.livePath(name, "rsa/fullchain.pem")
    report.rsa?.privkey = certificates.livePath(name, "rsa/privkey.pem")
    return report
  }
}

extension LineageReport {
  fileprivate mutating func describe(_ leaves: [Certificate], of lineage: Lineage?, now: Date) {
    let (leaf, certificate) = (leaves[0], RenewalCertificate(leaves))
    rsa = leaves.dropFirst().first.map { RSA($0) }
    if names.isEmpty { names = leaf.dnsNames + leaf.ipAddresses }
    issuer = leaf.issuerCommonName ?? leaf.issuer
    serial = leaf.serialNumber.hexadecimal
    sha256 = certificate.fingerprint
    notBefore = leaf.notBefore
    notAfter = leaf.notAfter
    obtained = lineage?.issuance?.date
    directoryURL = lineage?.issuance?.directory
    suggestion = lineage?.schedule?.about(certificate.fingerprint).suggestion
    let isRevoked = lineage?.isRevoked(leaf) ?? false
    let decision = RenewalDecision(of: lineage, leaves, now: now)
    renewAt =
      switch decision {
      case .at(let instant, _), .held(let instant, _, _): instant
      case .now(.suggested): suggestion?.instant ?? now
      case .now(.lifetime): certificate.dueDate
      case .now: now
      }
    renewReason = decision.description
    let missing = lineage?.missingNames.map(\.value) ?? []
    missingNames = missing.isEmpty ? nil : missing
    state =
      isRevoked
      ? .revoked
      : now >= leaf.notAfter
        ? .expired : missing.isEmpty ? (decision.isDue ? .due : .valid) : .degraded
    if leaf.isPlaceholder {
      (state, renewAt, renewReason) = (.placeholder, now, "it is only a placeholder")
    }
    if let lineage {
      let deployment = lineage.deployment ?? Deployment()
      self.deployment = deployment.progress(of: certificate.fingerprint)
      if self.deployment == .failed { deploymentFailure = deployment.failure?.message }
    }
  }
}
