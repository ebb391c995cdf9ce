import CertctlBase
import CertctlCore
import CertctlSystem

/// Amazon Route 53, API version 2013-04-01: record sets, XML, signed requests.
package struct Route53: DNSProvider {
  /// The name and the settings of Route 53.
  package static let descriptor = DNSProviderDescriptor(
    name: "route53", title: "Amazon Route 53",
    documentation: "https://docs.aws.amazon.com/Route53/latest/APIReference/Welcome.html",
    settings: [
      .init("AWS_ACCESS_KEY_ID", "access key ID", isSecret: false),
      .init("AWS_SECRET_ACCESS_KEY", "secret access key"),
      .init("AWS_SESSION_TOKEN", "session token of temporary keys", fallback: ""),
      .init(
        "AWS_SHARED_CREDENTIALS",
        "contents of a shared credentials file; set AWS_SHARED_CREDENTIALS_FILE to its path"),
      .init(
        "AWS_PROFILE", "profile in the shared credentials file", isSecret: false,
        fallback: "default"),
      .init(
        "AWS_ASSUME_ROLE_ARN", "ARN of a role to assume, such as in another account",
        isSecret: false, fallback: ""),
      .init(
        "AWS_EXTERNAL_ID", "external ID required by that role", isSecret: false,
        fallback: ""),
      .init(
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "set by AWS in containers with a role",
        isSecret: false, fallback: ""),
      .init(
        "AWS_REGION", "region, required only in China and AWS GovCloud (US)",
        isSecret: false, fallback: "us-east-1"),
      .init(
        "AWS_HOSTED_ZONE_ID", "ID of the hosted zone, detected if not set", isSecret: false,
        fallback: ""),
      .init(
        "AWS_PRIVATE_ZONE", "true to use private zones only", isSecret: false, fallback: "false"),
      .init(
        "AWS_WAIT_FOR_RECORD_SETS_CHANGED",
        "false to skip waiting until all Route 53 servers have a change",
        isSecret: false, fallback: "true"),
    ],
    // Without any keys, the role of the machine or the container is used.
    ways: [["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], ["AWS_SHARED_CREDENTIALS"], []])

  /// The maximum number of record sets per request.
  private static let batch = 100
  /// The maximum number of status requests per change, two seconds apart.
  private static let looks = 60

  private let api: VendorAPI
  private let ttl: Int
  private let zone: String?
  private let wantsPrivate: Bool
  private let awaits: Bool
  private let zones = VendorZones<String>()

  /// Creates a client with keys from the settings, from a profile, or from the machine's role.
  ///
  /// - Throws: `CertctlError` with code `configuration` for incomplete keys.
  package init(_ context: DNSProviderContext) throws {
    let keys = try Self.keys(context)
    let secrets = [keys?.secret, keys?.token].compactMap { $0 }
    let place = Self.place(try context.value("AWS_REGION"))
    let region = place.region
    let role = try context.optional("AWS_ASSUME_ROLE_ARN").map { name in
      AWSKeySource.Role(
        name: name, externalID: context.optional("AWS_EXTERNAL_ID"),
        service: try context.api("https://\(place.roles)", secrets: secrets), region: region)
    }
    let container = try context.optional("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map {
      try context.api("http://169.254.170.2\($0)")
    }
    let source = AWSKeySource(
      keys, role: role, machine: try context.api("http://169.254.169.254"), container: container)
    let clock = context.environment.clock
    api = try context.api("https://\(place.host)/2013-04-01", secrets: secrets)
      .repeating { response in
        guard response.status == 400 else { return false }
        let text = String(decoding: response.body, as: UTF8.self)
        return ["Throttling", "PriorRequestNotComplete"].contains {
          text.contains("<Code>\($0)</Code>")
        }
      }
      .authorized { request in
        try await source.keys().fields(
          signing: request, service: "route53", region: region, at: clock.now())
      }
    ttl = context.ttl
    // AWS lists the ID as "/hostedzone/Z…", so users copy it with this prefix.
    zone = context.optional("AWS_HOSTED_ZONE_ID")?.split(separator: "/").last.map(String.init)
    wantsPrivate = context.isTrue("AWS_PRIVATE_ZONE")
    awaits = context.isTrue("AWS_WAIT_FOR_RECORD_SETS_CHANGED")
  }

  /// Adds the missing values to the record set of each name.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    var changes: [Change] = []
    for (name, values) in records.byName {
      let set = try await set(name, in: id)
      let there = (set?.values ?? []).map(TXTText.unquoted)
      let missing = values.filter { !there.contains($0) }.map(TXTText.quoted)
      if missing.isEmpty { continue }
      changes.append(
        Change("UPSERT", name, ttl: set?.ttl ?? "\(ttl)", (set?.values ?? []) + missing))
    }
    try await change(id, changes, "write TXT records", isAwaited: awaits)
  }

  /// Removes the values, and deletes record sets that become empty.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    var changes: [Change] = []
    for (name, values) in records.byName {
      guard let set = try await set(name, in: id) else { continue }
      let left = set.values.filter { !values.contains(TXTText.unquoted($0)) }
      if left.count == set.values.count { continue }
      // A DELETE must contain the complete record set.
      changes.append(
        Change(
          left.isEmpty ? "DELETE" : "UPSERT", name, ttl: set.ttl,
          left.isEmpty ? set.values : left))
    }
    try await change(id, changes, "remove TXT records", isAwaited: false)
  }

  // MARK: - Requests

  private func identity(of zone: String) async throws -> String {
    if let zone = self.zone { return zone }
    return try await zones.identity(of: zone) {
      let what = "find the zone \(zone)"
      var next: String?
      let found: [XMLTree] = try await api.pages(what) { _ in
        let query =
          [("dnsname", zone)] + (next.map { [("hostedzoneid", $0)] } ?? []) + [("maxitems", "100")]
        let answer = try await api.send(.get, "/hostedzonesbyname", to: what, query: query).xml()
        // The list continues with all zones that sort after this one.
        let isSame = answer["NextDNSName"]?.text == zone + "."
        next = isSame ? answer["NextHostedZoneId"]?.text : nil
        return (answer["HostedZones"]?.all("HostedZone") ?? [], next != nil)
      }
      let right = found.first {
        let isPrivate = $0["Config"]?["PrivateZone"]?.text == "true"
        return $0["Name"]?.text == zone + "." && isPrivate == wantsPrivate
      }
      guard let id = right?["Id"]?.text.split(separator: "/").last else { throw api.noZone(zone) }
      return String(id)
    }
  }

  /// Returns the TXT record set of a name, if any: the first entry of the list that starts there.
  private func set(_ name: String, in id: String) async throws -> (ttl: String, values: [String])? {
    let answer = try await api.send(
      .get, "/hostedzone/\(VendorAPI.encoded(id))/rrset", to: "list the TXT records",
      query: [("name", name), ("type", "TXT"), ("maxitems", "1")]
    ).xml()
    let first = answer["ResourceRecordSets"]?["ResourceRecordSet"]
    guard let first, first["Type"]?.text == "TXT", first["Name"]?.text.lowercased() == name + "."
    else { return nil }
    if first["SetIdentifier"] != nil {
      throw api.failure(
        "change the TXT records of \(name)", "the record set has a routing policy",
        hint: "change the record set to simple routing")
    }
    let values = (first["ResourceRecords"]?.all("ResourceRecord") ?? []).compactMap {
      $0["Value"]?.text
    }
    return (first["TTL"]?.text ?? "\(ttl)", values)
  }

  private func change(
    _ id: String, _ changes: [Change], _ what: String, isAwaited: Bool
  ) async throws {
    for start in stride(from: 0, to: changes.count, by: Self.batch) {
      let part = changes[start..<min(start + Self.batch, changes.count)].map(\.text).joined()
      let body =
        #"<?xml version="1.0" encoding="UTF-8"?>"#
        + #"<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/">"#
        + "<ChangeBatch><Changes>\(part)</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
      let answer = try await api.send(
        .post, "/hostedzone/\(VendorAPI.encoded(id))/rrset", to: what,
        headers: [.init(name: "Content-Type", value: "application/xml")], body: Array(body.utf8)
      ).xml()
      if isAwaited { try await waitForServers(answer["ChangeInfo"]) }
    }
  }

  /// Waits until all Route 53 servers have a change.
  ///
  /// The addresses of the servers are anycast, so the propagation check reaches only those nearby.
  /// A timeout or a missing permission is not an error, because that check follows anyway.
  private func waitForServers(_ change: XMLTree?) async throws {
    var status = change?["Status"]?.text
    guard let id = change?["Id"]?.text.split(separator: "/").last.map(String.init) else { return }
    for _ in 1...Self.looks where status == "PENDING" {
      try await api.clock.sleep(.seconds(2))
      let answer = try await api.send(
        .get, "/change/\(VendorAPI.encoded(id))", to: "get the status of a change", accepting: [403]
      )
      status = answer.status == 403 ? nil : try answer.xml()["ChangeInfo"]?["Status"]?.text
    }
  }

  private struct Change {
    let text: String

    init(_ action: String, _ name: String, ttl: String, _ values: [String]) {
      let records = values.map {
        "<ResourceRecord><Value>\(XMLTree.escaped($0))</Value></ResourceRecord>"
      }.joined()
      text =
        "<Change><Action>\(action)</Action><ResourceRecordSet>"
        + "<Name>\(XMLTree.escaped(name)).</Name><Type>TXT</Type><TTL>\(XMLTree.escaped(ttl))</TTL>"
        + "<ResourceRecords>\(records)</ResourceRecords></ResourceRecordSet></Change>"
    }
  }

  // MARK: - Settings

  private static func keys(_ context: DNSProviderContext) throws -> AWSKeys? {
    let id = context.optional("AWS_ACCESS_KEY_ID")
    let secret = context.optional("AWS_SECRET_ACCESS_KEY")
    if let id, let secret {
      return AWSKeys(id: id, secret: secret, token: context.optional("AWS_SESSION_TOKEN"))
    }
    if id != nil || secret != nil {
      throw context.wrong(
        id == nil ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
        "is missing: the key ID and the secret must be set together")
    }
    guard let text = context.optional("AWS_SHARED_CREDENTIALS") else { return nil }
    guard let keys = AWSKeys(profile: try context.value("AWS_PROFILE"), in: text) else {
      throw context.wrong(
        "AWS_SHARED_CREDENTIALS_FILE", "contains no keys for the profile in AWS_PROFILE")
    }
    return keys
  }

  /// Returns the hosts of Route 53 and STS and the signing region of an AWS partition.
  private static func place(_ region: String) -> (host: String, roles: String, region: String) {
    if region.hasPrefix("cn-") {
      return (
        "route53.amazonaws.com.cn", "sts.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"
      )
    }
    if region.hasPrefix("us-gov-") {
      return (
        "route53.us-gov.amazonaws.com", "sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"
      )
    }
    return ("route53.amazonaws.com", "sts.amazonaws.com", "us-east-1")
  }
}
