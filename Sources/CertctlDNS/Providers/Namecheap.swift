import CertctlBase
import CertctlCore
import CertctlSystem

/// The API of Namecheap, which reads and writes all host records of a domain at once.
///
/// Each change rewrites all records, together with the e-mail type of the domain, which Namecheap
/// would otherwise reset.
package struct Namecheap: DNSProvider {
  /// The name and the settings of Namecheap.
  package static let descriptor = DNSProviderDescriptor(
    name: "namecheap", title: "Namecheap",
    documentation: "https://www.namecheap.com/support/api/methods/domains-dns/set-hosts/",
    settings: [
      .init("NAMECHEAP_API_USER", "user name", isSecret: false),
      .init("NAMECHEAP_API_KEY", "API key; the IPv4 address of this host must be whitelisted"),
      .init(
        "NAMECHEAP_SANDBOX", "true to use the sandbox", isSecret: false, fallback: "false"),
    ],
    timeLimit: 3600)

  /// The URL that returns the client's IP address, which Namecheap requires in each request.
  private static let mirror = "https://dynamicdns.park-your-domain.com/getip"
  /// The maximum number of attempts of a request that Namecheap rejects temporarily.
  private static let attempts = 6

  private let api: VendorAPI
  private let user: String
  private let key: String
  private let ttl: Int
  private let address = VendorZones<String>()

  /// Creates a client of Namecheap or of its sandbox.
  ///
  /// - Throws: `CertctlError` with code `configuration` if the user or the key is missing.
  package init(_ context: DNSProviderContext) throws {
    user = try context.value("NAMECHEAP_API_USER")
    key = try context.value("NAMECHEAP_API_KEY")
    let isSandbox = context.isTrue("NAMECHEAP_SANDBOX")
    api = try context.api("https://api.\(isSandbox ? "sandbox." : "")namecheap.com")
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let hosts = try await hosts(of: zone)
    let missing = records.missing(from: hosts.records(in: zone))
    if missing.isEmpty { return }
    try await write(
      hosts.list
        + missing.map {
          Host(
            name: $0.label(in: zone), type: "TXT", address: $0.value, preference: "10",
            ttl: "\(ttl)")
        }, hosts.mail, zone)
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let hosts = try await hosts(of: zone)
    let ours = Set(records.identities(in: hosts.records(in: zone)))
    if ours.isEmpty { return }
    let left = hosts.list.enumerated().filter { !ours.contains($0.offset) }.map(\.element)
    try await write(left, hosts.mail, zone)
  }

  // MARK: - Requests

  private func hosts(of zone: String) async throws -> Hosts {
    let what = "list the host records"
    let answer = try await call("getHosts", what, zone, [])
    guard let result = answer["CommandResponse"]?["DomainDNSGetHostsResult"] else {
      throw api.failure(what, "the response contains no list")
    }
    if result.attributes["IsUsingOurDNS"]?.lowercased() == "false" {
      throw api.failure(
        what, "\(zone) does not use Namecheap's name servers",
        hint: "use --dns with the provider that hosts \(zone)")
    }
    let list = try result.children.filter { $0.name.lowercased() == "host" }.map { entry in
      guard let host = Host(entry.attributes) else {
        throw api.failure(what, "a record lacks its name, type or address")
      }
      return host
    }
    return Hosts(list: list, mail: result.attributes["EmailType"])
  }

  private func write(_ hosts: [Host], _ mail: String?, _ zone: String) async throws {
    var fields: [(String, String)] = mail.map { [("EmailType", $0)] } ?? []
    for (index, host) in hosts.enumerated() {
      let number = index + 1
      fields += [
        ("HostName\(number)", host.name), ("RecordType\(number)", host.type),
        ("Address\(number)", host.address), ("MXPref\(number)", host.preference),
        ("TTL\(number)", host.ttl),
      ]
    }
    let what = "write the host records"
    let answer = try await call("setHosts", what, zone, fields)
    let result = answer["CommandResponse"]?["DomainDNSSetHostsResult"]
    guard result?.attributes["IsSuccess"]?.lowercased() == "true" else {
      throw api.failure(what, "the response reports no success")
    }
  }

  /// Sends a command, always with POST, because a URL with the key would appear in logs.
  private func call(
    _ command: String, _ what: String, _ zone: String, _ fields: [(String, String)]
  ) async throws -> XMLTree {
    let labels = zone.split(separator: ".", maxSplits: 1)
    guard labels.count == 2 else { throw api.noZone(zone) }
    let form =
      [
        ("ApiUser", user), ("ApiKey", key), ("UserName", user),
        ("Command", "namecheap.domains.dns.\(command)"), ("ClientIp", try await ownAddress()),
        ("SLD", String(labels[0])), ("TLD", String(labels[1])),
      ] + fields
    for attempt in 1...Self.attempts {
      let answer = try await api.post("/xml.response", to: what, form: form).xml()
      let errors = answer["Errors"]?.all("Error") ?? []
      if errors.isEmpty, answer.attributes["Status"]?.uppercased() == "OK" { return answer }
      let text = errors.first?.text ?? "no reason given"
      if text.lowercased().contains("too many requests"), attempt < Self.attempts {
        // The limit is 20 requests per minute.
        try await api.clock.sleep(.seconds(10 * attempt))
        continue
      }
      throw refusal(errors.first?.attributes["Number"] ?? "", text, what, zone)
    }
    throw CancellationError()
  }

  private func refusal(
    _ number: String, _ text: String, _ what: String, _ zone: String
  ) -> CertctlError {
    // The documented codes for "Domain not found" and "Domain is not associated with your account".
    if ["2019166", "2016166"].contains(number) { return api.noZone(zone) }
    let isRefused = ["1010", "1011", "1016", "1017"].contains { number.hasPrefix($0) }
    return api.failure(
      what, text + (number.isEmpty ? "" : " (error \(number))"),
      isRetryable: text.lowercased().contains("too many requests"),
      hint: isRefused
        ? "check NAMECHEAP_API_USER and NAMECHEAP_API_KEY, enable API access, and whitelist "
          + "this host's address at Namecheap" : nil)
  }

  private func ownAddress() async throws -> String {
    try await address.identity(of: "") {
      let what = "find this host's address"
      let answer = try await api.send(.get, Self.mirror, to: what)
      let text = String(decoding: answer.body, as: UTF8.self).filter { !$0.isWhitespace }
      let parts = text.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 4, parts.allSatisfy(Self.isPart) else {
        throw api.failure(
          what,
          text.contains(":") ? "\(text) is not an IPv4 address" : "the response is not an address",
          hint: "make sure this host can connect over IPv4, which the Namecheap API requires")
      }
      return text
    }
  }

  /// Returns whether the text is a part of an IPv4 address; `UInt8` alone would accept a sign.
  private static func isPart(_ text: Substring) -> Bool {
    UInt8(text) != nil && text.allSatisfy(\.isNumber)
  }

  // MARK: - Records

  private struct Hosts {
    let list: [Host]
    let mail: String?

    /// Returns the TXT records, identified by their positions in the list.
    func records(in zone: String) -> [VendorRecord<Int>] {
      list.enumerated().filter { $0.element.type == "TXT" }.map {
        VendorRecord(
          id: $0.offset, label: $0.element.name, in: zone, text: $0.element.address)
      }
    }
  }

  private struct Host {
    let name: String
    let type: String
    let address: String
    let preference: String
    let ttl: String

    init(name: String, type: String, address: String, preference: String, ttl: String) {
      self.name = name
      self.type = type
      self.address = address
      self.preference = preference
      self.ttl = ttl
    }

    init?(_ attributes: [String: String]) {
      guard let name = attributes["Name"], let type = attributes["Type"],
        let address = attributes["Address"]
      else { return nil }
      self.init(
        name: name, type: type, address: address, preference: attributes["MXPref"] ?? "10",
        ttl: attributes["TTL"] ?? "1800")
    }
  }
}
