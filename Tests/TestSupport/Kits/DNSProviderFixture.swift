package import FoundationEssentials

/// A scenario of a DNS provider: an action, and the expected requests with their responses.
///
/// It is a file `Fixtures/dns/PROVIDER/SCENARIO.json`, written from the vendor's documentation.
package struct DNSProviderFixture: Sendable, Decodable {
  /// The action of the provider.
  package enum Action: String, Sendable, Decodable {
    /// Adds the records.
    case publish
    /// Removes the records.
    case remove
  }

  /// A TXT record.
  package struct Record: Sendable, Decodable {
    /// The name, without a final dot.
    package let name: String
    /// The text.
    package let value: String
  }

  /// An expected request and its response.
  package struct Exchange: Sendable, Decodable {
    /// An expected request.
    package struct Request: Sendable, Decodable {
      /// The method.
      package let method: String
      /// The whole URL.
      package let url: String
      /// The required header fields and their values; others are allowed.
      package let headers: [String: String]?
      /// The body: JSON is compared by value, a string as text; if absent, there must be none.
      package let body: JSONValue?
    }

    /// A response.
    package struct Response: Sendable, Decodable {
      /// The status.
      package let status: Int
      /// The header fields.
      package let headers: [String: String]?
      /// The body: a string is sent as is, anything else as JSON.
      package let body: JSONValue?
    }

    /// The expected request.
    package let request: Request
    /// The response.
    package let response: Response
  }

  /// The URL of the vendor's page that documents the exchange.
  package let source: String
  /// The provider's settings.
  package let settings: [String: String]
  /// The text after the provider's name and a colon.
  package let argument: String?
  /// The action.
  package let action: Action
  /// The zone.
  package let zone: String
  /// The records.
  package let records: [Record]
  /// All expected requests, in order.
  package let exchanges: [Exchange]
  /// The time, for signed requests.
  package let time: Date?
  /// Parts of the error's text; absent if the action must succeed.
  package let error: [String]?

  /// Reads a scenario.
  ///
  /// - Throws: `DecodingError`, or an error of the file system.
  package static func load(_ scenario: DNSProviderScenario) throws -> DNSProviderFixture {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return try decoder.decode(Self.self, from: Data(contentsOf: scenario.file))
  }
}

/// The location of a fixture.
package struct DNSProviderScenario: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The provider's name, which is also the directory's.
  package let provider: String
  /// The file name without its extension.
  package let name: String

  /// The provider and the scenario, as in test listings.
  package var description: String { "\(provider)/\(name)" }

  /// Compares the descriptions.
  package static func < (one: Self, other: Self) -> Bool { one.description < other.description }

  /// The directory `Fixtures/dns`.
  package static let folder = URL(filePath: Checkout.path("Fixtures/dns"))

  /// The file.
  package var file: URL {
    Self.folder.appending(path: provider).appending(path: "\(name).json")
  }

  /// All scenarios; `absent.json` is not one, see ``absent(_:)``.
  package static let all: [DNSProviderScenario] = entries(of: folder).flatMap { provider in
    entries(of: folder.appending(path: provider))
      .filter { $0.hasSuffix(".json") && $0 != "absent.json" }
      .map { DNSProviderScenario(provider: provider, name: String($0.dropLast(5))) }
  }.sorted()

  /// Returns the scenarios that a provider cannot have, with the reasons, from its `absent.json`.
  package static func absent(_ provider: String) -> [String: String] {
    let file = folder.appending(path: provider).appending(path: "absent.json")
    guard let data = try? Data(contentsOf: file) else { return [:] }
    return (try? JSONDecoder().decode([String: String].self, from: data)) ?? [:]
  }

  private static func entries(of folder: URL) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
  }
}
