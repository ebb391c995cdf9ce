package import ACME
import CertctlBase
package import CertctlCore
import CertctlCrypto
import CertctlDNS
package import CertctlIssuing
import CertctlStore
import CertctlSystem
package import FoundationEssentials

/// What is asked of a standing record.
package struct PersistentRecordRequest: Sendable {
  /// The domain.
  package var domain: Identifier
  /// Whether its wildcard is proved, too.
  package var coversWildcard: Bool
  /// Until when the record is to hold.
  package var until: Date?
  /// The CA, by preset name or directory URL.
  package var authority: String
  /// What the CA's HTTPS certificate must chain to.
  package var caBundle: String?
  /// How to register an account, should there be none.
  package var registration: Registration
  /// Where the record is looked for.
  package var dns: DNSSettings

  /// A request.
  package init(
    domain: Identifier, coversWildcard: Bool = false, until: Date? = nil, authority: String,
    caBundle: String? = nil, registration: Registration = .init(), dns: DNSSettings = .init()
  ) {
    self.domain = domain
    self.coversWildcard = coversWildcard
    self.until = until
    self.authority = authority
    self.caBundle = caBundle
    self.registration = registration
    self.dns = dns
  }
}

/// A standing record, and whether it is there.
package struct PersistentRecordReport: Encodable, Sendable {
  /// The format of this report.
  package let version = 1
  /// The record's name, after all CNAMEs.
  package let name: String
  /// Its text.
  package let text: String
  /// The zone that it belongs into.
  package let zone: String
  /// Whether all of the zone's servers have it, or one that allows the same.
  package let isPresent: Bool
  /// What is missing, where it is not.
  package let missing: String?
  /// The same as a finding.
  package let findings: [Finding]

  /// A report; `missing` says in words what is missing, and is empty when nothing is.
  init(name: String, text: String, zone: String, missing: String) {
    self.name = name
    self.text = text
    self.zone = zone
    isPresent = missing.isEmpty
    self.missing = isPresent ? nil : missing
    findings =
      isPresent
      ? []
      : [
        Finding(
          .warning, .recordMissing, subject: name, "the record is not there yet: \(missing)",
          hint: "make it, then run the same command again")
      ]
  }
}

/// The standing record by which a CA lets an account have certificates for a domain
/// (draft-ietf-acme-dns-persist), and whether it is there.
///
/// The CA says what it wants in the challenge of an order, which goes no further.
///
/// - Throws: `CertctlError`, also when the CA offers no dns-persist-01.
package struct PersistentRecordOperation: Operation {
  package var request: PersistentRecordRequest

  package init(_ request: PersistentRecordRequest) {
    self.request = request
  }

  package func run(in context: Context) async throws -> PersistentRecordReport {
    try await Run(context: context).persistentRecord(request)
  }

  private struct Run: ContextPart {
    let context: Context

    func persistentRecord(
      _ request: PersistentRecordRequest
    ) async throws -> PersistentRecordReport {
      guard request.domain.type == .dns, !request.domain.isWildcard else {
        throw CertctlError(
          .usage, "\(request.domain.value) is no domain",
          hint: "give the domain alone; --wildcard is for the names below it")
      }
      try request.dns.validate()
      let challenge = try await wantedRecord(request)
      let record = PersistentRecord(
        issuer: challenge.issuers?.first ?? "", account: challenge.account ?? "",
        coversWildcard: request.coversWildcard, until: request.until)
      return try await report(on: record, for: challenge, request)
    }

    /// What the CA wants, as a challenge; the order is left, and its authorization given up.
    private func wantedRecord(_ request: PersistentRecordRequest) async throws -> PresentedChallenge
    {
      let directory = try CertificateAuthority.named(request.authority).directory(for: .ec256)
      let sessions = CASessionPool(
        context, registration: accountDesk.completed(request.registration))
      let (_, account) = try await sessions.account(at: directory, caBundle: request.caBundle)
      let name =
        request.coversWildcard
        ? Identifier.dns("*.\(request.domain.value)") : request.domain
      let order = try await account.newOrder(NewOrder([name]))
      var found: Challenge?
      var isProved = false
      for url in order.authorizations {
        let authorization = try await account.authorization(at: url)
        found = authorization.challenge(.dnsPersist01) ?? found
        isProved = isProved || authorization.status == .valid
        if authorization.status == .pending { try await account.deactivateAuthorization(at: url) }
      }
      guard let found, !found.issuerDomainNames.isEmpty else {
        throw CertctlError(
          .challengeFailed,
          "the CA offers no dns-persist-01 for \(name.value)",
          hint: isProved
            ? "the CA still takes it for proved by another challenge, and may offer this one later"
            : "few CAs have it yet: use --challenge dns-01 with --dns")
      }
      return PresentedChallenge(
        identifier: request.domain, keyAuthorization: nil, type: .dnsPersist01,
        isWildcard: request.coversWildcard, account: found.accountURI ?? account.url,
        issuers: found.issuerDomainNames)
    }

    private func report(
      on record: PersistentRecord, for challenge: PresentedChallenge,
      _ request: PersistentRecordRequest
    ) async throws -> PersistentRecordReport {
      let solver = context.solverContext
      let view = try await solver.view(request.dns)
      let coverage = try await PersistentSearch(view: view, now: environment.clock.now()).find(
        challenge)
      return PersistentRecordReport(
        name: coverage.place.name, text: record.text, zone: coverage.place.zone.name,
        missing: coverage.words)
    }
  }
}
