import ACME
import CertctlBase
import CertctlCrypto
import CertctlStore
import FoundationEssentials

/// The API of OVHcloud, version 1.0.
///
/// Requests are signed with the secret of an application and the time of OVH, or carry a token.
package struct OVH: DNSProvider {
  /// The name and the settings of OVH.
  package static let descriptor = DNSProviderDescriptor(
    name: "ovh", title: "OVHcloud",
    documentation: "https://eu.api.ovh.com/console/?section=%2Fdomain",
    settings: [
      .init(
        "OVH_ENDPOINT",
        "API endpoint: ovh-eu, ovh-ca, ovh-us, kimsufi-eu, kimsufi-ca, soyoustart-eu or "
          + "soyoustart-ca",
        isSecret: false, fallback: "ovh-eu"),
      .init("OVH_APPLICATION_KEY", "application key"),
      .init("OVH_APPLICATION_SECRET", "application secret"),
      .init(
        "OVH_CONSUMER_KEY",
        "consumer key with GET, POST and DELETE permission for /domain/zone/*"),
      .init(
        "OVH_CLIENT_ID",
        "client ID of a service account with dnsZone:apiovh:record/get, create, delete and refresh",
        isSecret: false),
      .init("OVH_CLIENT_SECRET", "client secret of the service account"),
      .init("OVH_ACCESS_TOKEN", "OAuth access token"),
    ],
    ways: [
      ["OVH_APPLICATION_KEY", "OVH_APPLICATION_SECRET", "OVH_CONSUMER_KEY"],
      ["OVH_CLIENT_ID", "OVH_CLIENT_SECRET"], ["OVH_ACCESS_TOKEN"],
    ])

  /// The URLs of the API and of its token endpoint, which the older brands lack.
  private static let endpoints: [String: (api: String, tokens: String?)] = [
    "ovh-eu": ("https://eu.api.ovh.com/1.0", "https://www.ovh.com/auth/oauth2/token"),
    "ovh-ca": ("https://ca.api.ovh.com/1.0", "https://ca.ovh.com/auth/oauth2/token"),
    "ovh-us": ("https://api.us.ovhcloud.com/1.0", "https://us.ovhcloud.com/auth/oauth2/token"),
    "kimsufi-eu": ("https://eu.api.kimsufi.com/1.0", nil),
    "kimsufi-ca": ("https://ca.api.kimsufi.com/1.0", nil),
    "soyoustart-eu": ("https://eu.api.soyoustart.com/1.0", nil),
    "soyoustart-ca": ("https://ca.api.soyoustart.com/1.0", nil),
  ]

  private let api: VendorAPI
  private let ttl: Int

  /// Creates a client with one of three kinds of credentials.
  ///
  /// - Throws: `CertctlError` with code `configuration` if none is complete, or for an unknown
  ///   endpoint.
  package init(_ context: DNSProviderContext) throws {
    guard let (base, tokens) = Self.endpoints[try context.value("OVH_ENDPOINT")] else {
      let names = Self.endpoints.keys.sorted().joined(separator: ", ")
      throw context.wrong("OVH_ENDPOINT", "must be one of: \(names)")
    }
    let plain = try context.api(base)
    ttl = context.ttl
    if let token = context.optional("OVH_ACCESS_TOKEN") {
      api = plain.authorized { _ in [Self.bearer(token)] }
    } else if let id = context.optional("OVH_CLIENT_ID") {
      let secret = try context.value("OVH_CLIENT_SECRET")
      guard let tokens else {
        throw context.wrong(
          "OVH_ENDPOINT", "does not support service accounts: use an application key")
      }
      let held = VendorToken()
      api = plain.authorized { _ in
        let token = try await held.text(at: plain.clock.now()) {
          try await plain.post(
            tokens, to: "get an access token",
            form: [
              ("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret),
              ("scope", "all"),
            ]
          ).decode()
        }
        return [Self.bearer(token)]
      }
    } else {
      let signature = OVHSignature(
        application: try context.value("OVH_APPLICATION_KEY"),
        secret: try context.value("OVH_APPLICATION_SECRET"),
        consumer: try context.value("OVH_CONSUMER_KEY"), api: plain)
      api = plain.authorized { try await signature.fields(for: $0) }
    }
  }

  /// Adds the records that do not exist yet, and refreshes the zone.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let missing = records.missing(from: try await existing(records, in: zone))
    for record in missing {
      _ = try await api.send(
        .post, path(zone) + "/record", to: "add a TXT record",
        json: NewRecord(label: record.label(in: zone, apex: ""), target: record.value, ttl: ttl))
    }
    // Always refresh, because an earlier run may have been interrupted between the two steps.
    try await refresh(zone)
  }

  /// Removes the records, which are matched by name and text, and refreshes the zone.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let ours = records.identities(in: try await existing(records, in: zone))
    for id in ours {
      _ = try await api.send(
        .delete, path(zone) + "/record/\(id)", to: "remove a TXT record", accepting: [404])
    }
    if !ours.isEmpty { try await refresh(zone) }
  }

  /// Returns the TXT records of these names, which the API returns one at a time.
  private func existing(
    _ records: [ChallengeRecord], in zone: String
  ) async throws -> [VendorRecord<Int>] {
    var result: [VendorRecord<Int>] = []
    for name in records.byName.map(\.name) {
      let label = ChallengeRecord(name: name, value: "", domain: "").label(in: zone, apex: "")
      let answer = try await api.send(
        .get, path(zone) + "/record", to: "list the TXT records",
        query: [("fieldType", "TXT"), ("subDomain", label)], accepting: [404])
      if answer.status == 404 { throw api.noZone(zone) }
      for id in try answer.decode([Int].self) {
        let one = try await api.send(
          .get, path(zone) + "/record/\(id)", to: "read a TXT record", accepting: [404])
        if one.status == 404 { continue }
        let record = try one.decode(Record.self)
        result.append(
          VendorRecord(id: id, label: record.label ?? "", in: zone, text: record.target))
      }
    }
    return result
  }

  private func refresh(_ zone: String) async throws {
    _ = try await api.send(.post, path(zone) + "/refresh", to: "refresh the zone \(zone)")
  }

  private func path(_ zone: String) -> String { "/domain/zone/\(VendorAPI.encoded(zone))" }

  private static func bearer(_ token: String) -> HTTPField {
    HTTPField(name: "Authorization", value: "Bearer \(token)")
  }

  private struct Record: Decodable {
    let label: String?
    let target: String

    private enum CodingKeys: String, CodingKey {
      case label = "subDomain"
      case target
    }
  }

  private struct NewRecord: Encodable {
    let type = "TXT"
    let label: String
    let target: String
    let ttl: Int

    private enum CodingKeys: String, CodingKey {
      case type = "fieldType"
      case label = "subDomain"
      case target, ttl
    }
  }
}

/// The signing of requests with an application secret.
private actor OVHSignature {
  private let application: String
  private let secret: String
  private let consumer: String
  private let api: VendorAPI
  private var skew: Int?

  init(application: String, secret: String, consumer: String, api: VendorAPI) {
    self.application = application
    self.secret = secret
    self.consumer = consumer
    self.api = api
  }

  func fields(for request: HTTPRequest) async throws -> [HTTPField] {
    let time = "\(try await skew() + Self.seconds(api.clock))"
    let body = String(decoding: request.body ?? [], as: UTF8.self)
    let text = [secret, consumer, request.method.rawValue, request.url, body, time]
      .joined(separator: "+")
    let digest = Digest.sha1(Array(text.utf8))
    return [
      HTTPField(name: "X-Ovh-Application", value: application),
      HTTPField(name: "X-Ovh-Consumer", value: consumer),
      HTTPField(name: "X-Ovh-Timestamp", value: time),
      HTTPField(name: "X-Ovh-Signature", value: "$1$" + digest.hexadecimal),
    ]
  }

  /// Returns the seconds by which the clock of OVH is ahead; signatures are valid only briefly.
  private func skew() async throws -> Int {
    if let skew { return skew }
    let theirs: Int = try await api.send(.get, "/auth/time", to: "get the time").decode()
    let skew = theirs - Self.seconds(api.clock)
    self.skew = skew
    return skew
  }

  private static func seconds(_ clock: WallClock) -> Int {
    Int(clock.now().timeIntervalSince1970.rounded(.down))
  }
}
