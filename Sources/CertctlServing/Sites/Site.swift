package import ACME
import CertctlCore
import CertctlStore
package import FoundationEssentials

/// A virtual host of nginx that certctl manages.
///
/// No value can inject configuration: each has passed a strict grammar, even when read from a file.
package struct Site: Sendable, Equatable {
  /// The host names, of which the first one names the site.
  package let hosts: [Identifier]
  /// The lineage of its certificate.
  package let certificate: String
  /// What serves the requests.
  package let content: SiteContent
  /// The paths with their own content.
  package let locations: [SiteLocation]
  /// The other settings.
  package let settings: SiteSettings

  /// Creates a site.
  ///
  /// - Parameters:
  ///   - hosts: Its host names. With `redirectsWWW`, the first one's variant with or without `www.`
  ///     is added if it is missing.
  ///   - certificate: The lineage of its certificate; nil for the one named after the first host.
  ///   - content: What serves the requests.
  ///   - locations: The paths with their own content.
  ///   - settings: The other settings.
  /// - Throws: `CertctlError` with code `usage` for invalid values.
  package init(
    hosts: [Identifier], certificate: String? = nil, content: SiteContent,
    locations: [SiteLocation] = [], settings: SiteSettings = SiteSettings()
  ) throws {
    var hosts = try hosts.map(Self.checked)
    if settings.redirectsWWW { try Self.addOtherForm(&hosts) }
    guard let first = hosts.first, hosts.count <= 100, Set(hosts).count == hosts.count else {
      throw CertctlError(.usage, "a site needs 1 to 100 names without duplicates")
    }
    let lineage = try certificate ?? LineageName(from: first).value
    _ = try LineageName(lineage)
    try SiteGrammar.path("/" + lineage, "certificate name for a site")
    try settings.check()
    self.hosts = hosts
    self.certificate = lineage
    self.content = content
    self.locations = locations
    self.settings = settings
    try checkContent()
  }

  /// The name of the site and its file: the first host, in a form that fits file names.
  package var name: String {
    let host = hosts[0]
    return host.isWildcard ? "_wildcard.\(host.baseDomain)" : host.value
  }

  /// The text form of the content.
  package var target: String { content.description }
  /// The port for HTTP.
  package var httpPort: Int { settings.httpPort }
  /// The port for HTTPS.
  package var httpsPort: Int { settings.httpsPort }
  /// Whether it needs DH parameters.
  package var usesDHE: Bool { settings.usesDHE }

  /// The files and directories of the user that nginx must be able to read, as nginx sees them.
  package var files: [String] {
    var files = [settings.passwordFile, settings.upstreamCA].compactMap { $0 }
    for content in [content] + locations.map(\.content) {
      if case .folder(let path) = content { files.append(path) }
    }
    return files
  }

  /// Returns the site with the start of HSTS set: the stored start, or else now.
  ///
  /// - Parameters:
  ///   - now: The current time.
  ///   - previous: The stored site; nil for a new one.
  /// - Returns: The site.
  /// - Throws: `CertctlError`, but never for a valid site.
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
        .usage, "cannot use the IP address \(parsed.value) as a site name",
        hint: "use a DNS name: TLS clients do not send IP addresses (RFC 6066)")
    }
    guard parsed.value.utf8.count <= 240 else {
      throw CertctlError(.usage, "the name \(parsed.value) is too long for a file name")
    }
    return parsed
  }

  private static func addOtherForm(_ hosts: inout [Identifier]) throws {
    guard let first = hosts.first else { return }
    guard !first.isWildcard else {
      throw CertctlError(
        .usage, "cannot redirect between \(first.value) and www: it is a wildcard")
    }
    let other = Identifier.dns(
      first.value.hasPrefix("www.") ? String(first.value.dropFirst(4)) : "www.\(first.value)")
    guard other.value.contains(".") else {
      throw CertctlError(
        .usage, "cannot redirect between \(first.value) and www: '\(other.value)' has no dot")
    }
    if !hosts.contains(other) { hosts.insert(try checked(other), at: 1) }
  }

  private func checkContent() throws {
    let paths = locations.map(\.path)
    guard paths.count <= 100, Set(paths).count == paths.count else {
      throw CertctlError(.usage, "a site can have at most 100 locations, each with its own path")
    }
    for content in [content] + locations.map(\.content) {
      guard case .upstream(let upstream) = content, upstream.scheme == .https,
        settings.verifiesUpstream, settings.upstreamName == nil,
        !upstream.servers.contains(where: { $0.hostName != nil })
      else { continue }
      throw CertctlError(
        .usage, "cannot verify the certificate of \(upstream): its name is unknown",
        hint: "set the name with --upstream-name")
    }
    if settings.template == .static, case .upstream = content {
      throw CertctlError(
        .usage, "the static template requires a directory", hint: "use --root DIR")
    }
  }
}

extension Site: Codable {
  private enum CodingKeys: String, CodingKey {
    case hosts, certificate, content, locations, settings
  }

  /// Decodes a record with the same checks, so that an edited file cannot inject anything.
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

  /// Encodes a record.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(hosts.map(\.value), forKey: .hosts)
    try container.encode(certificate, forKey: .certificate)
    try container.encode(content, forKey: .content)
    if !locations.isEmpty { try container.encode(locations, forKey: .locations) }
    try container.encode(settings, forKey: .settings)
  }
}
