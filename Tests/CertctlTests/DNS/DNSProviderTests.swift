import CertctlBase
import CertctlCore
import CertctlDNS
import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

/// All DNS providers against their fixtures, and the rules for their descriptors.
struct DNSProviderTests {
  /// The providers that send no HTTP requests themselves.
  static let withoutHTTP: Set<String> = [
    "acmesh", "certbot-hook", "dehydrated-hook", "exec", "manual", "rfc2136", "uacme-hook",
  ]

  static let overHTTP = DNSProviderCatalog.all.map { $0.descriptor.name }
    .filter { !withoutHTTP.contains($0) }

  @Test(arguments: DNSProviderScenario.all)
  func `a provider sends the requests that its vendor documents`(_ scenario: DNSProviderScenario)
    async throws
  {
    try await DNSProviderConformance(scenario).run()
  }

  @Test(arguments: overHTTP)
  func `a provider has every scenario or gives the reason for its absence`(_ provider: String) {
    let there = Set(DNSProviderScenario.all.filter { $0.provider == provider }.map(\.name))
    let absent = DNSProviderScenario.absent(provider)
    let wanted = Set(DNSProviderConformance.required)
    #expect(wanted.subtracting(there).subtracting(absent.keys) == [])
    #expect(there.intersection(absent.keys) == [], "absent.json names what is there")
    #expect(absent.values.allSatisfy { $0.count > 10 }, "absent.json gives no reason")
  }

  @Test(arguments: overHTTP)
  func `an error hides the secrets that a response repeats`(_ provider: String) async throws {
    let type = try #require(DNSProviderCatalog.all.first { $0.descriptor.name == provider })
    for scenario in DNSProviderScenario.all.filter({ $0.provider == provider }) {
      let fixture = try DNSProviderFixture.load(scenario)
      // No request is sent, so none can be refused.
      if fixture.exchanges.isEmpty { continue }
      let secrets = DNSProviderConformance.secrets(fixture, type.descriptor)
      let parrot = Parrot(secrets: secrets)
      let context = DNSProviderConformance.context(
        fixture, type.descriptor, parrot, fixture.time.map { TestClock($0) } ?? TestClock())
      do {
        try await DNSProviderConformance.act(fixture, try type.init(context))
        Issue.record("\(scenario): an answer 403 is no error")
      } catch let error as CertctlError {
        let text = error.message + (error.hint ?? "")
        for secret in secrets + parrot.credentials {
          #expect(!text.contains(secret), "\(scenario): a secret is in the error")
        }
      }
    }
  }

  @Test func `descriptors are complete, unique and sorted by name`() {
    let descriptors = DNSProviderCatalog.all.map { $0.descriptor }
    #expect(descriptors.map(\.name) == descriptors.map(\.name).sorted())
    let words = descriptors.flatMap { [$0.name] + $0.aliases }
    #expect(Set(words).count == words.count)
    for descriptor in descriptors {
      let name = descriptor.name
      #expect(name == name.lowercased() && !name.contains(":") && !name.isEmpty)
      #expect(descriptor.documentation.hasPrefix("https://"), "\(name)")
      #expect(descriptor.ttl >= 30 && descriptor.timeLimit >= 60, "\(name)")
      let settings = descriptor.settings.flatMap { [$0.name] + $0.aliases }
      #expect(Set(settings).count == settings.count, "\(name)")
      #expect(Set(descriptor.ways.joined()).isSubset(of: settings), "\(name)")
      #expect(descriptor.settings.allSatisfy { !$0.summary.isEmpty }, "\(name)")
    }
  }
}

extension DNSProviderScenario: CustomTestStringConvertible {
  /// The provider and the scenario.
  package var testDescription: String { description }
}

/// A vendor that refuses every request and repeats the secrets in its error.
private final class Parrot: HTTPClient {
  private let secrets: [String]
  private let heard = Mutex<[String]>([])

  init(secrets: [String]) { self.secrets = secrets }

  /// The credentials in the requests' Authorization fields, without the scheme.
  var credentials: [String] {
    heard.withLock { $0 }.compactMap { $0.split(separator: " ").last.map(String.init) }
      .filter { $0.utf8.count >= 8 }
  }

  func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    let field = request.headers.first { $0.name.lowercased() == "authorization" }
    if let field { heard.withLock { $0.append(field.value) } }
    let words = secrets + (field.map { [$0.value] } ?? [])
    return HTTPResponse(
      status: 403, body: JSONValue.object(["message": .string(words.joined(separator: " "))]).bytes)
  }
}
