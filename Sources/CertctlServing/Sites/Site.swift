package import ACME
import CertctlCore
import CertctlStore
package import FoundationEssentials

/// A virtual host of nginx that certctl writes.
///
/// Nothing in it can be a piece of configuration: every value has passed a strict grammar, also when
/// it was read from a record.
package struct Site: Sendable, Equatable {
  /// The names that it answers to; the first is the one that it goes by.
  package let hosts: [Identifier]
  /// The lineage of its certificate.
  package let certificate: String
  /// What answers.
  package let content: SiteContent
  /// Paths where something else answers.
  package let locations: [SiteLocation]
  /// What was chosen for it.
  package let settings: SiteSettings

  /// A site.
  ///
  /// - Parameters:
  ///   - hosts: Its names. With `redirectsWWW` the first one's other form, with or without `www.`,
  ///     is added where it is missing.
  ///   - certificate: The lineage of its certificate; nil is the one that is named as the first host.
  ///   - content: What answers.
  ///   - locations: Paths where something else answers.
  ///   - settings: What else is chosen.
  /// - Throws: `CertctlError` with code `usage` for all that does not fit a strict grammar.
  package init(
    hosts: [Identifier], certificate: String? = nil, content: SiteContent,
    locations: [SiteLocation] = [], settings: SiteSettings = SiteSettings()
  ) throws {
    var hosts = try hosts.map(Self.checked)
    if settings.redirectsWWW { try Self.addOtherForm(&hosts) }
    guard let first = hosts.first, hosts.count <= 100, Set(hosts).count == hosts.count else {
      throw CertctlError(.usage, "a site has 1 to 100 names, each once")
    }
    let lineage = try certificate ?? LineageName(from: first).value
    _ = try LineageName(lineage)
    try SiteGrammar.path("/" + lineage, "name of a certificate for a site")
    try settings.check()
    self.hosts = hosts
    self.certificate = lineage
    self.content = content
    self.locations = locations
    self.settings = settings
    try checkContent()
  }

  /// The stem of its file's name: its first host.
  package var name: String {
    let host = hosts[0]
    return host.isWildcard ? "_wildcard.\(host.baseDomain)" : host.value
  }

  /// What answers, in one line.
  package var target: String { content.description }
  /// The port of plain HTTP.
  package var httpPort: Int { settings.httpPort }
  /// The port of HTTPS.
  package var httpsPort: Int { settings.httpsPort }
  /// Whether it needs DH parameters.
  package var usesDHE: Bool { settings.usesDHE }

  /// The paths of others' files that nginx must be able to read, as nginx sees them.
  package var files: [String] {
    var files = [settings.passwordFile, settings.upstreamCA].compactMap { $0 }
    for content in [content] + locations.map(\.content) {
      if case .folder(let path) = content { files.append(path) }
    }
    return files
  }

  /// The same, with the promise of HTTPS counted from when it was first made.
  ///
  /// - Parameters:
  ///   - now: The moment of writing.
  ///   - previous: The site as it was before, if it was there.
  /// - Returns: The site.
  /// - Throws: `CertctlError`, which a site that there is does not cause.
  package func startingHSTS(at now: Date, after previous: Site?) throws -> Site {
    guard var hsts = settings.hsts else { return self }
    hsts.since = previous?.settings.hsts?.since ?? hsts.since ?? now
    var settings = settings
    settings.hsts = hsts
    return try Site(
      hosts: hosts, certificate: certificate, content: content, locations: locations,
      settings: settings)
  }

  // MARK: - Checks

  private static func checked(_ host: Identifier) throws -> Identifier {
    let parsed: Identifier
    do {
      parsed = try Identifier(parsing: host.value)
    } catch {
      throw CertctlError(wrapping: error)
    }
    guard parsed.type == .dns, host.type == .dns else {
      throw CertctlError(
        .usage, "a site cannot have the IP address \(parsed.value) as its name",
        hint: "clients tell a name, never an address, when they ask for a certificate (RFC 6066)")
    }
    guard parsed.value.utf8.count <= 240 else {
      throw CertctlError(.usage, "the name \(parsed.value) is too long for a file's name")
    }
    return parsed
  }

  private static func addOtherForm(_ hosts: inout [Identifier]) throws {
    guard let first = hosts.first else { return }
    guard !first.isWildcard else {
      throw CertctlError(.usage, "a wildcard has no other form with or without www.")
    }
    let other = Identifier.dns(
      first.value.hasPrefix("www.") ? String(first.value.dropFirst(4)) : "www.\(first.value)")
    guard other.value.contains(".") else {
      throw CertctlError(.usage, "\(first.value) has no other form with or without www.")
    }
    if !hosts.contains(other) { hosts.insert(try checked(other), at: 1) }
  }

  private func checkContent() throws {
    let paths = locations.map(\.path)
    guard paths.count <= 100, Set(paths).count == paths.count else {
      throw CertctlError(.usage, "a site has at most 100 locations, each path once")
    }
    for content in [content] + locations.map(\.content) {
      guard case .upstream(let upstream) = content, upstream.scheme == .https,
        settings.verifiesUpstream, settings.upstreamName == nil,
        !upstream.servers.contains(where: { $0.hostName != nil })
      else { continue }
      throw CertctlError(
        .usage, "the certificate of \(upstream) cannot be checked without a name",
        hint: "say by --upstream-name what it is issued for")
    }
    if settings.template == .static, case .upstream = content {
      throw CertctlError(
        .usage, "the template static is for a folder", hint: "give one by --root DIR")
    }
  }
}

extension Site: Codable {
  private enum CodingKeys: String, CodingKey {
    case hosts, certificate, content, locations, settings
  }

  /// Reads a record, by the same rules: one that was changed by hand cannot bring anything else in.
  package init(from decoder: any Decoder) throws {
    let from = try decoder.container(keyedBy: CodingKeys.self)
    do {
      try self.init(
        hosts: from.decode([String].self, forKey: .hosts).map {
          try Identifier(parsing: $0)
        },
        certificate: from.decode(String.self, forKey: .certificate),
        content: from.decode(SiteContent.self, forKey: .content),
        locations: from.decodeIfPresent([SiteLocation].self, forKey: .locations) ?? [],
        settings: from.decodeIfPresent(SiteSettings.self, forKey: .settings) ?? SiteSettings())
    } catch let error as DecodingError {
      throw error
    } catch {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath, debugDescription: CertctlError(wrapping: error).message))
    }
  }

  /// Writes a record.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(hosts.map(\.value), forKey: .hosts)
    try container.encode(certificate, forKey: .certificate)
    try container.encode(content, forKey: .content)
    if !locations.isEmpty { try container.encode(locations, forKey: .locations) }
    try container.encode(settings, forKey: .settings)
  }
}
