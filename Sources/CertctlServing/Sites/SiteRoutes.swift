/// How nginx finds the servers of each upstream of a site.
///
/// Names are looked up while nginx runs: a name in an `upstream` block that nobody knows would keep
/// nginx from starting and from every reload, the one for a renewed certificate included.
struct SiteRoutes: Sendable {
  /// How `proxy_pass` reaches an upstream.
  enum Route: Sendable, Equatable {
    /// By the name of an `upstream` block.
    case group(String)
    /// By a variable, which makes nginx look the name up.
    case lookup(String)
  }

  /// A block before the servers.
  struct Group: Sendable, Equatable {
    /// Its name: of the `upstream` block, or of the variable.
    var name: String
    /// The servers, each with the words that come behind it.
    var servers: [String]
    /// Whether it is a variable that draws one of the names.
    var isDrawn = false
    /// Whether names in it are looked up while nginx runs.
    var looksUp = false
    /// What a reader should know.
    var remark: String?
    /// The name servers that it needs.
    var resolver: String?
  }

  /// What stands before the servers.
  private(set) var groups: [Group] = []
  /// The name servers that look-ups from the server itself need; nil when there are none.
  private(set) var resolver: String?
  private var routes: [SiteUpstream: Route] = [:]

  /// Decides it for all upstreams of a site.
  init(_ site: Site, _ build: NginxBuild, _ machine: ExistingNginxConfiguration.Machine) {
    let asked = Self.resolver(machine)
    for content in [site.content] + site.locations.map(\.content) {
      guard case .upstream(let upstream) = content else { continue }
      // The path makes no difference to where it is.
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
          group.remark = "No name server is known: nginx looks names up when it starts."
        } else if servers != upstream.servers {
          group.remark = "By the addresses in /etc/hosts, which nginx's own look-ups do not read."
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
            remark: "This nginx looks names up only by a variable: each request draws a server."))
        routes[key] = .lookup(variable)
      }
    }
  }

  /// How to reach an upstream of the site.
  func route(_ upstream: SiteUpstream) -> Route? { routes[upstream.withoutBase] }

  // MARK: - Parts

  /// A name that the machine knows by itself is the address that it stands for.
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
    // Some programs listen on one of the two only.
    return ["127.0.0.1:\(port)"] + (machine.hasIPv6 ? ["[::1]:\(port) backup"] : [])
  }

  /// The arguments of `resolver`: answers are believed for ten seconds, since a container's address
  /// changes with each start of it and Docker's own answers last for ten minutes.
  private static func resolver(_ machine: ExistingNginxConfiguration.Machine) -> String? {
    guard !machine.resolvers.isEmpty else { return nil }
    return machine.resolvers.joined(separator: " ") + " valid=10s"
      + (machine.hasIPv6 ? "" : " ipv6=off")
  }

  /// A site's name as a part of a variable's name; different names stay different.
  private static func identifier(_ name: String) -> String {
    // No label begins or ends with a hyphen, so that runs of underscores can be told apart.
    name.replacing("-", with: "__").replacing(".", with: "_")
  }
}

extension SiteUpstream {
  /// The same servers at the location's own path.
  var withoutBase: SiteUpstream { SiteUpstream(scheme: scheme, servers: servers) }

  private init(scheme: Scheme, servers: [Server]) {
    self.scheme = scheme
    self.servers = servers
    base = nil
  }
}

extension SiteUpstream.Server {
  /// Whether it is this machine, by the name that needs no look-up.
  var isLocalhost: Bool { hostName == "localhost" }

  /// As it stands in a variable of `proxy_pass`.
  fileprivate var passed: String {
    if isLocalhost, let port { return "127.0.0.1:\(port)" }
    return hostName == nil && port == nil ? "\(authority):" : authority
  }
}
