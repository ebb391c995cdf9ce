package import ACME
import CertctlBase
package import CertctlCore
import CertctlCrypto
import CertctlDNS
package import CertctlIssuing
import CertctlStore
import CertctlSystem
package import FoundationEssentials

/// The options for a persistent record.
package struct PersistentRecordRequest: Sendable {
  /// The domain.
  package var domain: Identifier
  /// Whether the record also covers the wildcard.
  package var coversWildcard: Bool
  /// The expiry date of the record.
  package var until: Date?
  /// The CA, by preset name or directory URL.
  package var authority: String
  /// The file with the trusted roots for the CA's HTTPS certificate.
  package var caBundle: String?
  /// The data for registering an account if there is none.
  package var registration: Registration
  /// The DNS settings for looking up the record.
  package var dns: DNSSettings

  /// Creates a request.
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

/// A persistent record, and whether it exists.
package struct PersistentRecordReport: Encodable, Sendable {
  /// The format version.
  package let version = 1
  /// The record's name, after following CNAMEs.
  package let name: String
  /// Its text.
  package let text: String
  /// The zone that it belongs to.
  package let zone: String
  /// Whether all servers of the zone have it, or an equivalent record.
  package let isPresent: Bool
  /// The description of what is missing; nil if nothing is.
  package let missing: String?
  /// The finding for a missing record.
  package let findings: [Finding]

  /// Creates a report; `missing` describes what is missing, and is empty if nothing is.
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
          .warning, .recordMissing, subject: name, "the record is missing: \(missing)",
          hint: "create the record, then run the same command again")
      ]
  }
}

/// An operation that returns the persistent record for a domain, and whether it exists.
///
/// The record allows an account to get certificates for the domain
/// (draft-ietf-acme-dns-persist). The CA specifies it in the challenge of an order, which is not
/// completed.
///
/// - Throws: `CertctlError`, also if the CA does not offer dns-persist-01.
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
          .usage, "'\(request.domain.value)' is not a domain",
          hint: "use the domain alone, and --wildcard to cover the names below it")
      }
      try request.dns.validate()
      let challenge = try await wantedRecord(request)
      let record = PersistentRecord(
        issuer: challenge.issuers?.first ?? "", account: challenge.account ?? "",
        coversWildcard: request.coversWildcard, until: request.until)
      return try await report(on: record, for: challenge, request)
    }

    /// Returns the CA's challenge from an order, and deactivates its pending authorizations.
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
          "the CA does not offer dns-persist-01 for \(name.value)",
          hint: isProved
            ? "try again after the CA's valid authorization from another challenge expires"
            : "few CAs support it yet; use --challenge dns-01 with --dns")
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
