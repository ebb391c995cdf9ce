/// How nginx reaches the upstreams of a site.
///
/// Names are resolved at run time. An unresolvable name in an `upstream` block would make nginx
/// fail to start and to reload, even for a renewed certificate.
struct SiteRoutes: Sendable {
  /// How `proxy_pass` names an upstream.
  enum Route: Sendable, Equatable {
    /// With the name of an `upstream` block.
    case group(String)
    /// With a variable, which makes nginx resolve the name at run time.
    case lookup(String)
  }

  /// A block that comes before the servers.
  struct Group: Sendable, Equatable {
    /// The name of the `upstream` block or of the variable.
    var name: String
    /// The servers, each with its parameters.
    var servers: [String]
    /// Whether it is a variable that picks a random server.
    var isDrawn = false
    /// Whether its names are resolved at run time.
    var looksUp = false
    /// A comment for the reader of the file.
    var remark: String?
    /// The arguments of `resolver`; nil if it needs none.
    var resolver: String?
  }

  /// The blocks that come before the servers.
  private(set) var groups: [Group] = []
  /// The arguments of `resolver` for the server itself; nil if it needs none.
  private(set) var resolver: String?
  private var routes: [SiteUpstream: Route] = [:]

  /// Chooses the routes of all upstreams of a site.
  init(_ site: Site, _ build: NginxBuild, _ machine: ExistingNginxConfiguration.Machine) {
    let asked = Self.resolver(machine)
    for content in [site.content] + site.locations.map(\.content) {
      guard case .upstream(let upstream) = content else { continue }
      // The path does not affect where the servers are.
      let key = upstream.withoutBase
      guard routes[key] == nil else { continue }
      let number = routes.isEmpty ? "" : "_\(routes.count)"
      let servers = upstream.servers.map { Self.known($0, machine) }
      let names = servers.filter { $0.hostName != nil && !$0.isLocalhost }
      if names.isEmpty || build.resolvesServers || asked == nil {
        var group = Group(name: "certctl_\(site.name)\(number)", servers: [])
        group.looksUp = !names.isEmpty && asked != nil
        group.resolver = group.looksUp ? asked : nil
        group.servers = servers.flatMap { Self.lines($0, machine, resolves: group.looksUp) }
        if !names.isEmpty && asked == nil {
          group.remark = "No name server is known: nginx resolves names only when it starts."
        } else if servers != upstream.servers {
          group.remark = "Addresses from /etc/hosts, which nginx's resolver does not read."
        }
        groups.append(group)
        routes[key] = .group(group.name)
      } else if servers.count == 1, let name = servers.first {
        resolver = asked
        routes[key] = .lookup(name.passed)
      } else {
        resolver = asked
        let variable = "$certctl_\(Self.identifier(site.name))\(number)"
        groups.append(
          Group(
            name: variable, servers: servers.map(\.passed), isDrawn: true,
            remark: "This nginx resolves names only in variables. Each request picks a server."))
        routes[key] = .lookup(variable)
      }
    }
  }

  /// Returns the route to an upstream of the site.
  func route(_ upstream: SiteUpstream) -> Route? { routes[upstream.withoutBase] }

  // MARK: - Parts

  /// Replaces a name that is in the machine's `/etc/hosts` with its address.
  private static func known(
    _ server: SiteUpstream.Server, _ machine: ExistingNginxConfiguration.Machine
  ) -> SiteUpstream.Server {
    guard case .name(let name, let port) = server, !server.isLocalhost,
      let address = machine.hosts[name]
    else { return server }
    return .address(address, port)
  }

  private static func lines(
    _ server: SiteUpstream.Server, _ machine: ExistingNginxConfiguration.Machine, resolves: Bool
  ) -> [String] {
    guard server.isLocalhost, let port = server.port else {
      let isName = server.hostName != nil
      return [server.authority + (isName && resolves ? " resolve" : "")]
    }
    // Some programs listen on only one of the two addresses.
    return ["127.0.0.1:\(port)"] + (machine.hasIPv6 ? ["[::1]:\(port) backup"] : [])
  }

  /// Returns the arguments of `resolver`.
  ///
  /// Responses are cached for ten seconds, because a container can get a new address on each start,
  /// and the TTL of Docker's responses is ten minutes.
  private static func resolver(_ machine: ExistingNginxConfiguration.Machine) -> String? {
    guard !machine.resolvers.isEmpty else { return nil }
    return machine.resolvers.joined(separator: " ") + " valid=10s"
      + (machine.hasIPv6 ? "" : " ipv6=off")
  }

  /// Returns a site's name as part of a variable name; different names stay different.
  private static func identifier(_ name: String) -> String {
    // No label starts or ends with a hyphen, so runs of underscores are unambiguous.
    name.replacing("-", with: "__").replacing(".", with: "_")
  }
}

extension SiteUpstream {
  /// The same servers without a replacement path.
  var withoutBase: SiteUpstream { SiteUpstream(scheme: scheme, servers: servers) }

  private init(scheme: Scheme, servers: [Server]) {
    self.scheme = scheme
    self.servers = servers
    base = nil
  }
}

extension SiteUpstream.Server {
  /// Whether the server is `localhost`, which needs no resolver.
  var isLocalhost: Bool { hostName == "localhost" }

  /// The form for a variable in `proxy_pass`.
  fileprivate var passed: String {
    if isLocalhost, let port { return "127.0.0.1:\(port)" }
    return hostName == nil && port == nil ? "\(authority):" : authority
  }
}
