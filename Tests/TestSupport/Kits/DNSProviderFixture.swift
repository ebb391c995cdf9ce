package import FoundationEssentials

/// One scenario of a DNS provider: what is asked of it, and the requests and answers that follow.
///
/// It is a file `Fixtures/dns/PROVIDER/SCENARIO.json`, written from the vendor's documentation.
package struct DNSProviderFixture: Sendable, Decodable {
  /// What the provider is asked to do.
  package enum Action: String, Sendable, Decodable {
    /// To add the records.
    case publish
    /// To take them away.
    case remove
  }

  /// A TXT record.
  package struct Record: Sendable, Decodable {
    /// The name, without a final dot.
    package let name: String
    /// The text.
    package let value: String
  }

  /// A request that must come, and what answers it.
  package struct Exchange: Sendable, Decodable {
    /// What must come.
    package struct Request: Sendable, Decodable {
      /// The method.
      package let method: String
      /// The whole URL.
      package let url: String
      /// The header fields that must be there with these values; others may be there too.
      package let headers: [String: String]?
      /// The body: JSON is compared by value, a string as text; there must be none where it is absent.
      package let body: JSONValue?
    }

    /// What answers.
    package struct Response: Sendable, Decodable {
      /// The status.
      package let status: Int
      /// The header fields.
      package let headers: [String: String]?
      /// The body: a string is sent as it stands, everything else as JSON.
      package let body: JSONValue?
    }

    /// What must come.
    package let request: Request
    /// What answers.
    package let response: Response
  }

  /// The URL of the vendor's page from which this was written.
  package let source: String
  /// The provider's settings.
  package let settings: [String: String]
  /// What stands after the provider's name and a colon.
  package let argument: String?
  /// What is asked.
  package let action: Action
  /// The zone.
  package let zone: String
  /// The records.
  package let records: [Record]
  /// All requests in their order.
  package let exchanges: [Exchange]
  /// The time, for requests that are signed.
  package let time: Date?
  /// Parts of the error's text; absent where the action must succeed.
  package let error: [String]?

  /// Reads a scenario.
  ///
  /// - Throws: `DecodingError`, or what the file system says.
  package static func load(_ scenario: DNSProviderScenario) throws -> DNSProviderFixture {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return try decoder.decode(Self.self, from: Data(contentsOf: scenario.file))
  }
}

/// The place of a fixture.
package struct DNSProviderScenario: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The provider's name, which is the folder's.
  package let provider: String
  /// The file's name without its ending.
  package let name: String

  /// The provider and the scenario, as tests are listed.
  package var description: String { "\(provider)/\(name)" }

  /// The order of the listing.
  package static func < (one: Self, other: Self) -> Bool { one.description < other.description }

  /// `Fixtures/dns` beside `Tests` and `Sources`.
  package static let folder = URL(filePath: Checkout.path("Fixtures/dns"))

  /// The file.
  package var file: URL {
    Self.folder.appending(path: provider).appending(path: "\(name).json")
  }

  /// All scenarios; `absent.json` is none, see ``absent(_:)``.
  package static let all: [DNSProviderScenario] = entries(of: folder).flatMap { provider in
    entries(of: folder.appending(path: provider))
      .filter { $0.hasSuffix(".json") && $0 != "absent.json" }
      .map { DNSProviderScenario(provider: provider, name: String($0.dropLast(5))) }
  }.sorted()

  /// The scenarios that a provider cannot have, with the reason why, from its `absent.json`.
  package static func absent(_ provider: String) -> [String: String] {
    let file = folder.appending(path: provider).appending(path: "absent.json")
    guard let data = try? Data(contentsOf: file) else { return [:] }
    return (try? JSONDecoder().decode([String: String].self, from: data)) ?? [:]
  }

  private static func entries(of folder: URL) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
  }
}
