import CertctlBase
import CertctlCore

/// A person who makes the records.
package struct ManualRecords: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "manual", title: "you, by hand",
    documentation: "https://www.rfc-editor.org/rfc/rfc8555#section-8.4", timeLimit: 3600,
    needsPerson: true)

  private let tell: @Sendable (String) -> Void

  package init(_ context: DNSProviderContext) throws { tell = context.environment.console.tell }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    tell(
      """
      Make \(records.count == 1 ? "this TXT record" : "these TXT records") in the zone \
      \(escapedForTerminal(zone)), and leave others of the same name:

      \(Self.lines(records))

      certctl looks for \(records.count == 1 ? "it" : "them") at the zone's name servers, and goes \
      on by itself. Ctrl-C ends the wait.
      """)
  }

  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    tell(
      """
      \(records.count == 1 ? "This TXT record" : "These TXT records") can be deleted now:

      \(Self.lines(records))
      """)
  }

  private static func lines(_ records: [ChallengeRecord]) -> String {
    records.map { "  \(escapedForTerminal($0.name)).  TXT  \"\(escapedForTerminal($0.value))\"" }
      .joined(separator: "\n")
  }
}
