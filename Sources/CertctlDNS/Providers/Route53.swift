import CertctlBase
import CertctlCore
import CertctlSystem

/// Amazon Route 53, API of 2013-04-01: sets of records, XML, signed requests.
package struct Route53: DNSProvider {
  /// What Route 53 is called and needs.
  package static let descriptor = DNSProviderDescriptor(
    name: "route53", title: "Amazon Route 53",
    documentation: "https://docs.aws.amazon.com/Route53/latest/APIReference/Welcome.html",
    settings: [
      .init("AWS_ACCESS_KEY_ID", "the access key's id", isSecret: false),
      .init("AWS_SECRET_ACCESS_KEY", "the access key's secret"),
      .init("AWS_SESSION_TOKEN", "the token that goes with temporary keys", fallback: ""),
      .init(
        "AWS_SHARED_CREDENTIALS",
        "the contents of a shared credentials file: AWS_SHARED_CREDENTIALS_FILE"),
      .init(
        "AWS_PROFILE", "the profile in the shared credentials file", isSecret: false,
        fallback: "default"),
      .init(
        "AWS_ASSUME_ROLE_ARN", "a role to take on, such as one of another account",
        isSecret: false, fallback: ""),
      .init(
        "AWS_EXTERNAL_ID", "what that role's owner wants to be told", isSecret: false,
        fallback: ""),
      .init(
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "set by AWS in containers that have a role",
        isSecret: false, fallback: ""),
      .init(
        "AWS_REGION", "needed only for the regions of China and of the US government",
        isSecret: false, fallback: "us-east-1"),
      .init(
        "AWS_HOSTED_ZONE_ID", "the hosted zone, to save its search", isSecret: false,
        fallback: ""),
      .init(
        "AWS_PRIVATE_ZONE", "true: only private zones count", isSecret: false, fallback: "false"),
      .init(
        "AWS_WAIT_FOR_RECORD_SETS_CHANGED",
        "false: do not wait until Route 53 says that all its servers have a change",
        isSecret: false, fallback: "true"),
    ],
    // With no keys at all it is the role of the machine or the container.
    ways: [["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], ["AWS_SHARED_CREDENTIALS"], []])

  /// How many sets of records one request changes.
  private static let batch = 100
  /// How often a change is looked at, two seconds apart.
  private static let looks = 60

  private let api: VendorAPI
  private let ttl: Int
  private let zone: String?
  private let wantsPrivate: Bool
  private let awaits: Bool
  private let zones = VendorZones<String>()

  /// A client with keys, a profile's keys, or those of the machine's role.
  ///
  /// - Throws: `CertctlError` with code `configuration` for keys that are not complete.
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
    // AWS itself lists the id with a path before it, "/hostedzone/Z…", and that is what gets copied.
    zone = context.optional("AWS_HOSTED_ZONE_ID")?.split(separator: "/").last.map(String.init)
    wantsPrivate = context.isTrue("AWS_PRIVATE_ZONE")
    awaits = context.isTrue("AWS_WAIT_FOR_RECORD_SETS_CHANGED")
  }

  /// Adds the values that are not there yet to those of their names.
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

  /// Removes the values, and the sets of which nothing is left.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    var changes: [Change] = []
    for (name, values) in records.byName {
      guard let set = try await set(name, in: id) else { continue }
      let left = set.values.filter { !values.contains(TXTText.unquoted($0)) }
      if left.count == set.values.count { continue }
      // What is deleted has to be told in full.
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
        // The list goes on with all zones that sort behind this one.
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

  /// The TXT records of a name, which stand first in the list from this name on, if there are any.
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
        "change the TXT records of \(name)", "they have a routing policy",
        hint: "make them one set with simple routing")
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

  /// Waits until all servers have a change: behind each of their addresses is another one in each
  /// part of the world, and only those nearby can be asked from here.
  ///
  /// What takes longer, or may not be asked, is no error: the servers are asked in any case.
  private func waitForServers(_ change: XMLTree?) async throws {
    var status = change?["Status"]?.text
    guard let id = change?["Id"]?.text.split(separator: "/").last.map(String.init) else { return }
    for _ in 1...Self.looks where status == "PENDING" {
      try await api.clock.sleep(.seconds(2))
      let answer = try await api.send(
        .get, "/change/\(VendorAPI.encoded(id))", to: "look at a change", accepting: [403])
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
        id == nil ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY", "is missing beside the other")
    }
    guard let text = context.optional("AWS_SHARED_CREDENTIALS") else { return nil }
    guard let keys = AWSKeys(profile: try context.value("AWS_PROFILE"), in: text) else {
      throw context.wrong(
        "AWS_SHARED_CREDENTIALS_FILE", "has no keys for the profile of AWS_PROFILE")
    }
    return keys
  }

  /// The hosts of Route 53 and of the service of roles, and the region that signs: there is one of
  /// each per part of AWS.
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
