import ACME
import CertctlBase
import CertctlCore
import FoundationEssentials

/// Azure DNS, through Azure Resource Manager; each name has one resource for all values.
///
/// Every write is conditional on the version that was read, so that no concurrent change is lost.
package struct AzureDNS: DNSProvider {
  /// The name and the settings of Azure DNS.
  package static let descriptor = DNSProviderDescriptor(
    name: "azuredns", title: "Azure DNS",
    documentation: "https://learn.microsoft.com/en-us/rest/api/dns/record-sets",
    settings: [
      .init("AZURE_TENANT_ID", "directory (tenant) ID", isSecret: false),
      .init(
        "AZURE_CLIENT_ID", "application (client) ID, or client ID of the managed identity",
        isSecret: false),
      .init("AZURE_CLIENT_SECRET", "client secret of the application"),
      .init(
        "AZURE_FEDERATED_TOKEN_FILE",
        "path of a federated token, such as from Kubernetes, instead of the client secret",
        aliases: ["AZURE_OIDC_TOKEN_FILE_PATH"], isSecret: false, isPath: true),
      .init(
        "AZURE_AUTH_METHOD",
        "env (client secret), wli or oidc (federated token), or msi (managed identity)",
        isSecret: false),
      .init(
        "AZURE_SUBSCRIPTION_ID", "subscription ID of the zone, detected if not set",
        isSecret: false),
      .init(
        "AZURE_RESOURCE_GROUP", "resource group of the zone, detected if not set",
        isSecret: false),
      .init(
        "AZURE_ENVIRONMENT", "Azure cloud: public, usgovernment or china", isSecret: false,
        fallback: "public"),
    ],
    ways: [
      ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"],
      ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"], ["AZURE_AUTH_METHOD"],
    ])

  /// The maximum number of writes of a record set that others change at the same time.
  private static let attempts = 4
  private static let version = ("api-version", "2018-05-01")

  /// The URLs of the resource manager and of the token endpoint.
  private static let environments = [
    "public": ("https://management.azure.com", "https://login.microsoftonline.com"),
    "usgovernment": ("https://management.usgovcloudapi.net", "https://login.microsoftonline.us"),
    "china": ("https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
  ]

  private let api: VendorAPI
  private let ttl: Int
  private let subscription: String?
  private let group: String?
  private let zones = VendorZones<String>()

  /// Creates a client with a client secret, a federated token or a managed identity.
  ///
  /// - Throws: `CertctlError` with code `configuration` for an unknown cloud or method.
  package init(_ context: DNSProviderContext) throws {
    let environment = try context.value("AZURE_ENVIRONMENT")
    guard let (manager, login) = Self.environments[environment] else {
      let names = Self.environments.keys.sorted().joined(separator: ", ")
      throw context.wrong("AZURE_ENVIRONMENT", "must be one of: \(names)")
    }
    // As in Microsoft's libraries, a client secret takes precedence over a federated token.
    let isFederated =
      context.optional("AZURE_CLIENT_SECRET") == nil
      && context.optional("AZURE_FEDERATED_TOKEN_FILE") != nil
    let method =
      context.optional("AZURE_AUTH_METHOD")?.lowercased() ?? (isFederated ? "wli" : "env")
    guard ["env", "wli", "oidc", "msi"].contains(method) else {
      throw context.wrong("AZURE_AUTH_METHOD", "must be one of: env, wli, oidc, msi")
    }
    ttl = context.ttl
    subscription = context.optional("AZURE_SUBSCRIPTION_ID")
    group = context.optional("AZURE_RESOURCE_GROUP")
    let fetch =
      method == "msi"
      ? try Self.machine(context, manager)
      : try Self.application(context, manager, login, isFederated: method != "env")
    let held = VendorToken()
    let clock = context.environment.clock
    api = try context.api(manager).authorized { _ in
      let token = try await held.text(at: clock.now(), fetch)
      return [.init(name: "Authorization", value: "Bearer \(token)")]
    }
  }

  /// Adds the missing values to the record set of each name.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await change(records, zone) { values, set in
      let missing = values.filter { set?.texts.contains($0) != true }
      return missing.isEmpty ? nil : (set?.records ?? []) + missing.map { Text(value: [$0]) }
    }
  }

  /// Removes the values, and deletes record sets that become empty.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await change(records, zone) { values, set in
      guard let set else { return nil }
      let left = set.records.filter { !values.contains($0.value.joined()) }
      return left.count == set.records.count ? nil : left
    }
  }

  /// Writes the record sets that `edit` returns; nil means unchanged.
  private func change(
    _ records: [ChallengeRecord], _ zone: String, _ edit: ([String], RecordSet?) -> [Text]?
  ) async throws {
    let place = try await place(of: zone)
    for (name, values) in records.byName {
      let label = ChallengeRecord(name: name, value: "", domain: "").label(in: zone)
      let path = "\(place)/TXT/\(VendorAPI.segment(label))"
      for attempt in 1...Self.attempts {
        let set = try await set(path)
        guard let new = edit(values, set) else { break }
        let isDone = try await write(new, over: set, path, isLast: attempt == Self.attempts)
        if isDone { break }
      }
    }
  }

  private func set(_ path: String) async throws -> RecordSet? {
    let answer = try await api.send(
      .get, path, to: "read the TXT records", query: [Self.version], accepting: [404])
    return answer.status == 404 ? nil : try answer.decode()
  }

  /// Writes a record set; returns false if it was changed by others since it was read.
  private func write(
    _ new: [Text], over old: RecordSet?, _ path: String, isLast: Bool
  ) async throws -> Bool {
    let condition =
      old.map { HTTPField(name: "If-Match", value: $0.etag ?? "*") }
      ?? HTTPField(name: "If-None-Match", value: "*")
    let accepted: Set<Int> = isLast ? [] : [412]
    let answer: VendorAnswer
    if new.isEmpty {
      answer = try await api.send(
        .delete, path, to: "remove the TXT records", query: [Self.version], headers: [condition],
        accepting: accepted.union([404]))
    } else {
      var properties = old?.properties ?? Properties(ttl: ttl)
      properties.records = new
      answer = try await api.send(
        .put, path, to: "write the TXT records", query: [Self.version], headers: [condition],
        json: NewSet(properties: properties), accepting: accepted)
    }
    return answer.status != 412
  }

  // MARK: - Zones

  /// Returns the path of a zone, from the settings or from Azure Resource Graph.
  private func place(of zone: String) async throws -> String {
    try await zones.identity(of: zone) {
      if let subscription, let group {
        let path = Self.path(subscription, group, zone)
        let answer = try await api.send(
          .get, path, to: "find the zone \(zone)", query: [Self.version], accepting: [404])
        if answer.status == 404 { throw api.noZone(zone) }
        return path
      }
      var query = "resources | where type =~ 'microsoft.network/dnszones'"
      query += " | where name =~ " + Self.quoted(zone)
      if let subscription { query += " | where subscriptionId =~ " + Self.quoted(subscription) }
      if let group { query += " | where resourceGroup =~ " + Self.quoted(group) }
      let found: Found = try await api.send(
        .post, "/providers/Microsoft.ResourceGraph/resources", to: "find the zone \(zone)",
        query: [("api-version", "2021-03-01")],
        json: Query(query: query + " | project subscriptionId, resourceGroup, name")
      ).decode()
      guard let only = found.data.first else { throw api.noZone(zone) }
      if found.data.count > 1 {
        throw api.failure(
          "find the zone \(zone)", "there are \(found.data.count) zones of this name",
          hint: "set AZURE_SUBSCRIPTION_ID and AZURE_RESOURCE_GROUP")
      }
      return Self.path(only.subscriptionId, only.resourceGroup, zone)
    }
  }

  /// Returns a quoted string of the query language; a zone name from the DNS may contain anything.
  private static func quoted(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      if character == "'" || character == "\\" { result += "\\" }
      result.unicodeScalars.append(character)
    }
    return "'\(result)'"
  }

  private static func path(_ subscription: String, _ group: String, _ zone: String) -> String {
    "/subscriptions/\(VendorAPI.encoded(subscription))/resourceGroups/"
      + "\(VendorAPI.encoded(group))/providers/Microsoft.Network/dnsZones/"
      + VendorAPI.encoded(zone)
  }

  // MARK: - Tokens

  private typealias Fetch = @Sendable () async throws -> VendorGrant

  private static func application(
    _ context: DNSProviderContext, _ manager: String, _ login: String, isFederated: Bool
  ) throws -> Fetch {
    let tenant = VendorAPI.encoded(try context.value("AZURE_TENANT_ID"))
    let form = [
      ("grant_type", "client_credentials"),
      ("client_id", try context.value("AZURE_CLIENT_ID")),
    ]
    let scope = [("scope", manager + "/.default")]
    let api = try context.api(login)
    if isFederated {
      let path = try context.value("AZURE_FEDERATED_TOKEN_FILE")
      return {
        // Such a token expires after about an hour, and its issuer rewrites the file.
        let proof = [
          ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
          ("client_assertion", try token(in: path, context)),
        ]
        return try await api.post(
          "/\(tenant)/oauth2/v2.0/token", to: "get an access token",
          form: form + proof + scope
        ).decode()
      }
    }
    let secret = [("client_secret", try context.value("AZURE_CLIENT_SECRET"))]
    return {
      try await api.post(
        "/\(tenant)/oauth2/v2.0/token", to: "get an access token",
        form: form + secret + scope
      ).decode()
    }
  }

  private static func token(in path: String, _ context: DNSProviderContext) throws -> String {
    let bytes = try SecretFile(path: path, warn: context.environment.console.warn).read()
    let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    if !text.isEmpty { return text }
    throw context.wrong(
      "AZURE_FEDERATED_TOKEN_FILE", "is set to an empty file")
  }

  private static func machine(_ context: DNSProviderContext, _ manager: String) throws -> Fetch {
    let api = try context.api(
      "http://169.254.169.254", headers: [.init(name: "Metadata", value: "true")])
    let client = context.optional("AZURE_CLIENT_ID").map { [("client_id", $0)] } ?? []
    return {
      try await api.send(
        .get, "/metadata/identity/oauth2/token", to: "get an access token",
        query: [("api-version", "2018-02-01"), ("resource", manager + "/")] + client
      ).decode()
    }
  }

  // MARK: - JSON

  private struct RecordSet: Decodable {
    let etag: String?
    let properties: Properties

    var records: [Text] { properties.records ?? [] }
    var texts: [String] { records.map { $0.value.joined() } }
  }

  private struct NewSet: Encodable { let properties: Properties }

  /// The properties of a record set; those that certctl does not change are preserved.
  private struct Properties: Codable {
    var ttl: Int
    var records: [Text]?
    var metadata: [String: String]?

    init(ttl: Int) { self.ttl = ttl }

    private enum CodingKeys: String, CodingKey {
      case ttl = "TTL"
      case records = "TXTRecords"
      case metadata
    }
  }

  private struct Text: Codable { let value: [String] }

  private struct Query: Encodable {
    let query: String
    let options = ["resultFormat": "objectArray"]
  }

  private struct Found: Decodable { let data: [Place] }

  private struct Place: Decodable {
    let subscriptionId: String
    let resourceGroup: String
  }
}
