import CertctlCore

/// A person who creates the records by hand.
package struct ManualRecords: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "manual", title: "by hand, at a terminal",
    documentation: "https://www.rfc-editor.org/rfc/rfc8555#section-8.4", timeLimit: 3600,
    needsPerson: true)

  private let tell: @Sendable ([String]) -> Void

  package init(_ context: DNSProviderContext) throws { tell = context.environment.console.tell }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let isOne = records.count == 1
    tell(
      [
        "Create \(isOne ? "this TXT record" : "these TXT records") in the zone \(zone), and keep "
          + "any others of the same name:",
        "",
      ] + Self.lines(records) + [
        "",
        "certctl continues as soon as the zone's name servers have \(isOne ? "it" : "them"). "
          + "Press Ctrl-C to abort.",
      ])
  }

  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let subject = records.count == 1 ? "This TXT record" : "These TXT records"
    tell(["\(subject) can now be deleted:", ""] + Self.lines(records))
  }

  private static func lines(_ records: [ChallengeRecord]) -> [String] {
    records.map { "  \($0.name).  TXT  \"\($0.value)\"" }
  }
}
