import CertctlCore

/// A person who makes the records.
package struct ManualRecords: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "manual", title: "you, by hand",
    documentation: "https://www.rfc-editor.org/rfc/rfc8555#section-8.4", timeLimit: 3600,
    needsPerson: true)

  private let tell: @Sendable ([String]) -> Void

  package init(_ context: DNSProviderContext) throws { tell = context.environment.console.tell }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let isOne = records.count == 1
    tell(
      [
        "Make \(isOne ? "this TXT record" : "these TXT records") in the zone \(zone), and leave "
          + "others of the same name:",
        "",
      ] + Self.lines(records) + [
        "",
        "certctl looks for \(isOne ? "it" : "them") at the zone's name servers, and goes on by "
          + "itself. Ctrl-C ends the wait.",
      ])
  }

  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let subject = records.count == 1 ? "This TXT record" : "These TXT records"
    tell(["\(subject) can be deleted now:", ""] + Self.lines(records))
  }

  private static func lines(_ records: [ChallengeRecord]) -> [String] {
    records.map { "  \($0.name).  TXT  \"\($0.value)\"" }
  }
}
