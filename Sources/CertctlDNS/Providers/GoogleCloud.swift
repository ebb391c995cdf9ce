import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import FoundationEssentials

/// Google Cloud DNS, version 1: record sets with atomic changes.
package struct GoogleCloud: DNSProvider {
  /// The name and the settings of Google Cloud DNS.
  package static let descriptor = DNSProviderDescriptor(
    name: "gcloud", title: "Google Cloud DNS",
    documentation: "https://cloud.google.com/dns/docs/reference/rest/v1",
    settings: [
      .init(
        "GCE_SERVICE_ACCOUNT",
        "service account key in JSON, or set GCE_SERVICE_ACCOUNT_FILE to its path"),
      .init(
        "GOOGLE_APPLICATION_CREDENTIALS",
        "path of a service account key, or of the user credentials written by gcloud",
        isSecret: false, isPath: true),
      .init(
        "GCE_PROJECT",
        "project ID; required for user credentials and for the service account of this machine",
        isSecret: false),
      .init("GCE_ZONE_ID", "name of the managed zone, detected if not set", isSecret: false),
      .init(
        "GCE_ALLOW_PRIVATE_ZONE", "true to allow private zones", isSecret: false,
        fallback: "false"),
    ],
    ways: [["GCE_SERVICE_ACCOUNT"], ["GOOGLE_APPLICATION_CREDENTIALS"], ["GCE_PROJECT"]])

  /// The maximum number of attempts if others change the zone at the same time.
  private static let attempts = 4

  private let api: VendorAPI
  private let ttl: Int
  private let zone: String?
  private let allowsPrivate: Bool
  private let zones = VendorZones<String>()

  /// Creates a client with a service account key, user credentials or this machine's account.
  ///
  /// - Throws: `CertctlError` with code `configuration` if the credentials cannot be read.
  package init(_ context: DNSProviderContext) throws {
    ttl = context.ttl
    zone = context.optional("GCE_ZONE_ID")
    allowsPrivate = context.isTrue("GCE_ALLOW_PRIVATE_ZONE")
    let held = VendorToken()
    let project: String
    let fetch: @Sendable () async throws -> VendorGrant
    var secrets: [String] = []
    let text = try context.optional("GCE_SERVICE_ACCOUNT") ?? GoogleUser.file(context)
    if let user = text.flatMap({ GoogleUser($0) }) {
      project = try context.value("GCE_PROJECT")
      secrets = user.secrets
      let tokens = try context.api("", secrets: secrets)
      fetch = { try await user.grant(tokens) }
    } else if let text {
      let account = try GoogleAccount(text, context)
      project = try context.optional("GCE_PROJECT") ?? account.project(context)
      secrets = [account.key]
      let tokens = try context.api("", secrets: secrets)
      fetch = { try await account.grant(tokens) }
    } else {
      project = try context.value("GCE_PROJECT")
      let metadata = try context.api(
        "http://metadata.google.internal/computeMetadata/v1",
        headers: [.init(name: "Metadata-Flavor", value: "Google")])
      fetch = {
        try await metadata.send(
          .get, "/instance/service-accounts/default/token", to: "get an access token"
        ).decode()
      }
    }
    let clock = context.environment.clock
    api = try context.api(
      "https://dns.googleapis.com/dns/v1/projects/\(VendorAPI.encoded(project))",
      secrets: secrets
    ).repeating { response in
      // Some rate limits return 403, like missing permissions.
      response.status == 403
        && ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"].contains {
          String(decoding: response.body, as: UTF8.self).contains("\"\($0)\"")
        }
    }.authorized { _ in
      let token = try await held.text(at: clock.now(), fetch)
      return [.init(name: "Authorization", value: "Bearer \(token)")]
    }
  }

  /// Adds the missing values, in one change.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await change(records, zone, "write TXT records") { values, set in
      let there = (set?.data ?? []).map(TXTText.unquoted)
      let missing = values.filter { !there.contains($0) }.map(TXTText.quoted)
      return missing.isEmpty ? nil : (set?.data ?? []) + missing
    }
  }

  /// Removes the values, and deletes record sets that become empty, in one change.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await change(records, zone, "remove TXT records") { values, set in
      guard let set else { return nil }
      let left = set.data.filter { !values.contains(TXTText.unquoted($0)) }
      return left.count == set.data.count ? nil : left
    }
  }

  /// Replaces record sets with those that `edit` returns; nil means unchanged.
  ///
  /// If the zone was changed by others since it was read, it reads again and retries.
  private func change(
    _ records: [ChallengeRecord], _ zone: String, _ what: String,
    _ edit: ([String], RecordSet?) -> [String]?
  ) async throws {
    let id = try await identity(of: zone)
    for attempt in 1...Self.attempts {
      let there = try await existing(records, in: id)
      var change = Change()
      for (name, values) in records.byName {
        let set = there.first { $0.name.lowercased() == name + "." }
        guard let data = edit(values, set) else { continue }
        if let set { change.deletions.append(set) }
        if !data.isEmpty {
          change.additions.append(
            RecordSet(name: name + ".", type: "TXT", ttl: set?.ttl ?? ttl, data: data))
        }
      }
      if change.isEmpty { return }
      let isLast = attempt == Self.attempts
      let answer = try await api.send(
        .post, "/managedZones/\(VendorAPI.encoded(id))/changes", to: what, json: change,
        accepting: isLast ? [] : [409, 412])
      if (200...299).contains(answer.status) { return }
    }
  }

  private func identity(of zone: String) async throws -> String {
    if let zone = self.zone { return zone }
    return try await zones.identity(of: zone) {
      let found: Zones = try await api.send(
        .get, "/managedZones", to: "find the zone \(zone)", query: [("dnsName", zone + ".")]
      ).decode()
      let usable = (found.zones ?? []).filter {
        $0.dnsName == zone + "." && (allowsPrivate || $0.visibility != "private")
      }
      guard let best = usable.first(where: { $0.visibility != "private" }) ?? usable.first else {
        throw api.noZone(zone)
      }
      return best.name
    }
  }

  private func existing(_ records: [ChallengeRecord], in id: String) async throws -> [RecordSet] {
    let what = "list the TXT records"
    var next: String?
    let found: [RecordSet] = try await api.pages(what) { _ in
      var query = records.onlyName.map { [("name", $0 + "."), ("type", "TXT")] } ?? []
      if let next { query.append(("pageToken", next)) }
      let list: List = try await api.send(
        .get, "/managedZones/\(VendorAPI.encoded(id))/rrsets", to: what, query: query
      ).decode()
      next = list.next
      return (list.sets ?? [], next != nil)
    }
    return found.filter { $0.type == "TXT" }
  }

  // MARK: - JSON

  private struct Zones: Decodable {
    let zones: [Zone]?

    private enum CodingKeys: String, CodingKey { case zones = "managedZones" }
  }

  private struct Zone: Decodable {
    let name: String
    let dnsName: String
    let visibility: String?
  }

  private struct List: Decodable {
    let sets: [RecordSet]?
    let next: String?

    private enum CodingKeys: String, CodingKey {
      case sets = "rrsets"
      case next = "nextPageToken"
    }
  }

  private struct RecordSet: Codable {
    let name: String
    let type: String
    let ttl: Int?
    let data: [String]

    private enum CodingKeys: String, CodingKey {
      case name, type, ttl
      case data = "rrdatas"
    }

    init(name: String, type: String, ttl: Int, data: [String]) {
      self.name = name
      self.type = type
      self.ttl = ttl
      self.data = data
    }

    /// Decodes a record set; one with a routing policy has no data.
    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      name = try fields.decode(String.self, forKey: .name)
      type = try fields.decode(String.self, forKey: .type)
      ttl = try fields.decodeIfPresent(Int.self, forKey: .ttl)
      data = try fields.decodeIfPresent([String].self, forKey: .data) ?? []
    }
  }

  private struct Change: Encodable {
    var additions: [RecordSet] = []
    var deletions: [RecordSet] = []

    var isEmpty: Bool { additions.isEmpty && deletions.isEmpty }
  }
}

/// The key of a service account.
private struct GoogleAccount: Sendable, Decodable {
  private static let scope = "https://www.googleapis.com/auth/ndev.clouddns.readwrite"

  let key: String
  private let keyID: String?
  private let email: String
  private let project: String?
  private let tokens: String?

  private enum CodingKeys: String, CodingKey {
    case key = "private_key"
    case keyID = "private_key_id"
    case email = "client_email"
    case project = "project_id"
    case tokens = "token_uri"
  }

  init(_ text: String, _ context: DNSProviderContext) throws {
    guard let account = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)),
      account.tokens?.hasPrefix("https://") != false
    else {
      throw context.wrong("GCE_SERVICE_ACCOUNT", "is not a service account key in JSON")
    }
    self = account
    do {
      _ = try PrivateKey(pem: Array(key.utf8))
    } catch {
      throw context.wrong(
        "GCE_SERVICE_ACCOUNT",
        "has no usable private key: \(error)" + (error.hint.map { " (\($0))" } ?? ""))
    }
  }

  func project(_ context: DNSProviderContext) throws -> String {
    if let project { return project }
    throw context.wrong("GCE_SERVICE_ACCOUNT", "contains no project ID: set GCE_PROJECT")
  }

  /// Exchanges a signed assertion for an access token (RFC 7523, section 2.1).
  func grant(_ api: VendorAPI) async throws -> VendorGrant {
    let address = tokens ?? "https://oauth2.googleapis.com/token"
    let now = Int(api.clock.now().timeIntervalSince1970)
    let head = Header(alg: "RS256", kid: keyID, typ: "JWT")
    let claims = Claims(aud: address, exp: now + 3600, iat: now, iss: email, scope: Self.scope)
    let text = try Self.part(head) + "." + Self.part(claims)
    let signature = try PrivateKey(pem: Array(key.utf8)).joseSignature(for: Array(text.utf8))
    return try await api.post(
      address, to: "get an access token",
      form: [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", text + "." + Base64URL.encode(signature)),
      ]
    ).decode()
  }

  private static func part(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Base64URL.encode([UInt8](try encoder.encode(value)))
  }

  private struct Header: Encodable {
    let alg: String
    let kid: String?
    let typ: String
  }

  private struct Claims: Encodable {
    let aud: String
    let exp: Int
    let iat: Int
    let iss: String
    let scope: String
  }
}
