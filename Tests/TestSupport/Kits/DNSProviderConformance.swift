package import CertctlBase
import CertctlCore
package import CertctlDNS
internal import FoundationEssentials
package import Testing

/// The contract of every ``DNSProvider`` with an HTTP API, tested against its fixtures.
///
/// A new provider adds a directory `Fixtures/dns/NAME` with the scenarios of ``required``. Its
/// `absent.json` lists the scenarios that its API cannot have, with the reasons.
package struct DNSProviderConformance: Sendable {
  /// The scenarios that every provider must have.
  package static let required = [
    "publish", "publish-two", "remove", "remove-nothing", "unauthorized", "rate-limited", "no-zone",
    "pages",
  ]

  /// The required scenarios that must end with an error.
  static let failing: Set<String> = ["unauthorized", "no-zone"]

  let scenario: DNSProviderScenario

  /// Creates a test of one scenario.
  package init(_ scenario: DNSProviderScenario) { self.scenario = scenario }

  /// Runs the scenario and records failures at the caller's location.
  package func run(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let fixture = try DNSProviderFixture.load(scenario)
    let type = try #require(
      DNSProviderCatalog.all.first { $0.descriptor.name == scenario.provider },
      "the catalogue has no such provider", sourceLocation: sourceLocation)
    checkForm(fixture, type.descriptor, sourceLocation)
    let vendor = ScriptedVendor(fixture.exchanges)
    let clock = fixture.time.map { TestClock($0) } ?? TestClock()
    var failure: (any Error)?
    do {
      let provider = try type.init(Self.context(fixture, type.descriptor, vendor, clock))
      try await Self.act(fixture, provider)
    } catch {
      failure = error
    }
    #expect(vendor.complaints == [], sourceLocation: sourceLocation)
    checkOutcome(fixture, failure, type.descriptor, sourceLocation)
    let asked = Self.pauses(fixture)
    #expect(
      clock.waited >= asked, "the vendor asked for \(asked) seconds in all",
      sourceLocation: sourceLocation)
  }

  /// Returns the context of a fixture's provider: its settings, its time and no network.
  ///
  /// - Parameters:
  ///   - fixture: The fixture.
  ///   - descriptor: The provider's descriptor.
  ///   - http: The fake server.
  ///   - clock: The clock, on which waits take no time.
  /// - Returns: The context.
  package static func context(
    _ fixture: DNSProviderFixture, _ descriptor: DNSProviderDescriptor, _ http: any HTTPClient,
    _ clock: TestClock
  ) -> DNSProviderContext {
    var environment = Environment.failing
    environment.http = { _ in http }
    environment.clock = clock.wall
    // Files in a checkout are world-readable.
    environment.console.warn = { text in
      if !text.contains("can read the secret in") { Issue.record("unexpected warning: \(text)") }
    }
    // A setting may be the path of a file beside the fixtures.
    let values = fixture.settings.mapValues {
      $0.replacing("{fixtures}", with: DNSProviderScenario.folder.path)
    }
    return DNSProviderContext(
      descriptor, values: values, argument: fixture.argument, environment: environment)
  }

  /// Performs the action of a fixture.
  package static func act(
    _ fixture: DNSProviderFixture, _ provider: any DNSProvider
  ) async throws {
    let records = fixture.records.map { record in
      let prefix = "_acme-challenge."
      let domain = record.name.hasPrefix(prefix) ? record.name.dropFirst(prefix.count) : ""
      return ChallengeRecord(name: record.name, value: record.value, domain: String(domain))
    }
    switch fixture.action {
    case .publish: try await provider.publish(records, in: fixture.zone)
    case .remove: try await provider.remove(records, in: fixture.zone)
    }
  }

  private func checkForm(
    _ fixture: DNSProviderFixture, _ descriptor: DNSProviderDescriptor, _ place: SourceLocation
  ) {
    #expect(fixture.source.hasPrefix("https://"), sourceLocation: place)
    let declared = Set(descriptor.settings.map(\.name))
    #expect(Set(fixture.settings.keys).subtracting(declared) == [], sourceLocation: place)
    for record in fixture.records {
      #expect(
        record.name == fixture.zone || record.name.hasSuffix("." + fixture.zone),
        sourceLocation: place)
    }
    if Self.failing.contains(scenario.name) {
      #expect(fixture.error?.isEmpty == false, "this is about an error", sourceLocation: place)
    } else if Self.required.contains(scenario.name) {
      #expect(fixture.error == nil, "this must succeed", sourceLocation: place)
    }
    if scenario.name == "rate-limited" {
      #expect(Self.pauses(fixture) > 0 || fixture.exchanges.count > 1, sourceLocation: place)
    }
  }

  private func checkOutcome(
    _ fixture: DNSProviderFixture, _ failure: (any Error)?, _ descriptor: DNSProviderDescriptor,
    _ place: SourceLocation
  ) {
    guard let parts = fixture.error else {
      #expect(failure == nil, sourceLocation: place)
      return
    }
    guard let error = failure as? CertctlError else {
      Issue.record("not an error of ours: \(String(describing: failure))", sourceLocation: place)
      return
    }
    let text = error.message + "\n" + (error.hint ?? "")
    for part in parts {
      #expect(text.contains(part), "\(text)", sourceLocation: place)
    }
    for secret in Self.secrets(fixture, descriptor) {
      #expect(!text.contains(secret), "a secret is in the error", sourceLocation: place)
    }
  }

  /// Returns the secrets of a fixture, which must never be printed.
  package static func secrets(
    _ fixture: DNSProviderFixture, _ descriptor: DNSProviderDescriptor
  ) -> [String] {
    descriptor.settings.filter(\.isSecret).compactMap { fixture.settings[$0.name] }
      .filter { !$0.isEmpty }
  }

  /// Returns the sum of all Retry-After in the responses, in seconds.
  private static func pauses(_ fixture: DNSProviderFixture) -> Double {
    fixture.exchanges.reduce(0) { sum, exchange in
      sum + (exchange.response.headers?["Retry-After"].flatMap { Double($0) } ?? 0)
    }
  }
}
