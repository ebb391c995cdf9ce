import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlOperations
import CertctlServing

/// `certctl site`: nginx reverse-proxy virtual hosts.
struct SiteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "site",
    abstract: "Put a service behind nginx with a certificate.",
    usage: "certctl site <command> [<options>]",
    discussion: """
      Examples:
        certctl site add plex.example.com http://127.0.0.1:32400 --agree-tos
        certctl site list
        certctl site disable plex.example.com
        certctl site remove plex.example.com

      certctl writes one file per site, tests it with nginx before installing it, and verifies the \
      result with TLS handshakes. If anything fails, it restores all files.
      """,
    subcommands: [
      SiteAdd.self, SiteList.self, SiteShow.self, SiteEnable.self, SiteDisable.self,
      SiteRemove.self, SiteCompose.self,
    ])
}

/// The options that select an nginx.
struct NginxInstallationOptions: ParsableArguments {
  @Option(
    name: .customLong("nginx-dir"),
    help: ArgumentHelp(
      "Directory of nginx.conf. Default: that of the running nginx, or /etc/nginx.",
      valueName: "dir"))
  var folder: String?

  @Option(
    name: .customLong("nginx-container"),
    help: ArgumentHelp("Docker or Podman container that nginx runs in.", valueName: "name"))
  var container: String?

  func validate() throws {
    if folder != nil && container != nil {
      throw ValidationError(
        "--nginx-dir and --nginx-container cannot be combined: certctl finds the directory in the "
          + "container's mounts")
    }
    if folder == "" { throw ValidationError("--nginx-dir requires the path of a directory") }
  }
}

/// `certctl site add`.
struct SiteAdd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Add a site, get its certificate and serve it.",
    usage: "certctl site add <hosts> [<upstream>] [<options>]",
    discussion: """
      Examples:
        certctl site add plex.example.com http://127.0.0.1:32400 --agree-tos
        certctl site add a.example.com,b.example.com http://app:8080 \\
          --nginx-container proxy
        certctl site add www.example.com --root /srv/www
        certctl site add app.example.com http://10.0.0.2 \\
          --location /api/=http://10.0.0.3:8080

      If the certificate named by --certificate already covers the host names, certctl uses it. Otherwise certctl gets one, by default with http-01 through nginx. \
      Running the command again applies changed options; without changes it does nothing.
      """)

  @Argument(help: "Host names of the site, separated by commas. The first one names the site.")
  var hosts: String
  @Argument(
    help: "Upstream: http://HOST:PORT, https://HOST or unix:/path. Separate several with commas.")
  var upstream: String?

  @OptionGroup(title: "Site") var site: SiteOptions
  @OptionGroup(title: "nginx") var nginx: NginxInstallationOptions
  @OptionGroup(title: "Certificate authority") var authority: AuthorityListOptions
  @OptionGroup(title: "Account") var registration: RegistrationOptions
  @OptionGroup(title: "Validation") var validation: ValidationOptions
  @OptionGroup(title: "Certificate") var certificate: CertificateOptions
  @OptionGroup(title: "Deployment") var deployment: DeploymentOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  @Option(
    name: .customLong("deploy-copy"),
    help: ArgumentHelp(
      "Directory for copies of certificates, if nginx cannot follow symlinks.",
      valueName: "dir"))
  var copy: String?

  @Flag(help: "Replace files that were edited by hand.")
  var force = false

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let report = try await context.run(
        AddSiteOperation(
          SiteRequest(
            site: try site.site(hosts: hosts, upstream: upstream),
            nginxFolder: nginx.folder.map(absolutePath), container: nginx.container,
            copy: copy.map(absolutePath),
            overrides: try SettingsOverrides(authority, validation, certificate, deployment),
            registration: try registration.registration(output), force: force)))
      output.result(SiteResult(report), text: report.text)
    }
  }
}

/// `certctl site list`.
struct SiteList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List sites.",
    usage: "certctl site list [<options>]",
    discussion: """
      Examples:
        certctl site list
        certctl site list --json
      """)

  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let sites = try await context.run(ListSitesOperation())
      output.result(
        SiteListResult(sites: sites.map(\.withoutContent)),
        text: sites.isEmpty
          ? "No sites yet. To add one, run: certctl site add HOST UPSTREAM"
          : SiteTable(sites, style: output.resultStyle).text)
    }
  }
}

/// `certctl site show`.
struct SiteShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show a site and its nginx file.",
    usage: "certctl site show <site> [<options>]",
    discussion: """
      Examples:
        certctl site show plex.example.com
      """)

  @Argument(help: ArgumentHelp("Name of the site, or one of its host names.", valueName: "site"))
  var name: String
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let site = try await context.run(ShowSiteOperation(name))
      output.result(
        SiteResult(site), isVerbatim: true,
        text: site.text.flowed(to: output.resultStyle.textWidth ?? .max)
          + (site.content.map { "\n\n\(TerminalText(raw: $0))" } ?? ""))
    }
  }
}

/// `certctl site enable`.
struct SiteEnable: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enable",
    abstract: "Enable a site.",
    usage: "certctl site enable <site> [<options>]",
    discussion: """
      Examples:
        certctl site enable plex.example.com

      Rewrites the file of the site for the installed nginx version.
      """)

  @Argument(help: ArgumentHelp("Name of the site, or one of its host names.", valueName: "site"))
  var name: String
  @Flag(help: "Replace the file even if it was edited by hand.") var force = false
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let site = try await context.run(EnableSiteOperation(name, force: force))
      output.result(SiteResult(site), text: site.text)
    }
  }
}

/// `certctl site disable`.
struct SiteDisable: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disable",
    abstract: "Disable a site, but keep its file and certificate.",
    usage: "certctl site disable <site> [<options>]",
    discussion: """
      Examples:
        certctl site disable plex.example.com
      """)

  @Argument(help: ArgumentHelp("Name of the site, or one of its host names.", valueName: "site"))
  var name: String
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let site = try await context.run(DisableSiteOperation(name))
      output.result(SiteResult(site), text: site.text)
    }
  }
}

/// `certctl site remove`.
struct SiteRemove: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Remove a site, but keep its certificate.",
    usage: "certctl site remove <site> [<options>]",
    discussion: """
      Examples:
        certctl site remove plex.example.com

      Removing the last site also removes the shared files that certctl wrote for nginx. To remove \
      the certificate, run certctl delete.
      """)

  @Argument(help: ArgumentHelp("Name of the site, or one of its host names.", valueName: "site"))
  var name: String
  @Flag(help: "Remove files even if they were edited by hand.") var force = false
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let site = try await context.run(ShowSiteOperation(name))
      try await context.run(RemoveSiteOperation(site.name, force: force))
      output.result(
        SiteRemoved(removed: site.name),
        text: """
          Removed \(site.name)
            Its certificate stays. To delete it, run: certctl delete \(site.certificate)
          """)
    }
  }
}

/// `certctl site compose`.
struct SiteCompose: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compose",
    abstract: "Print a compose file for nginx in a container.",
    usage: "certctl site compose [<options>]",
    discussion: """
      Examples:
        certctl site compose > compose.yaml
        certctl site compose --nginx-container proxy --nginx-dir /srv/proxy/nginx

      The compose file mounts the nginx configuration directory, and the certificates at the same path as on this host. It mounts nothing else of the state directory, and no container engine socket.
      """)

  @Option(
    name: .customLong("nginx-container"),
    help: ArgumentHelp("Name of the service and its container.", valueName: "name"))
  var container = "nginx"
  @Option(
    name: .customLong("nginx-dir"),
    help: ArgumentHelp("Directory of nginx.conf on this host.", valueName: "dir"))
  var folder = "./nginx"
  @Option(help: "Container image.") var image = "nginx:stable"
  @Option(help: "Network to share with upstream containers.") var network = "proxy"
  @Option(
    name: .customLong("listen-http"),
    help: ArgumentHelp("HTTP port on this host.", valueName: "port"))
  var httpPort = 80
  @Option(
    name: .customLong("listen-https"),
    help: ArgumentHelp("HTTPS port on this host.", valueName: "port"))
  var httpsPort = 443
  @Flag(name: .customLong("http3"), help: "Publish the HTTPS port over UDP as well.")
  var hasHTTP3 = false
  @Option(
    name: .customLong("deploy-copy"),
    help: ArgumentHelp(
      "Mount this directory of certificate copies instead of the certificates.", valueName: "dir"))
  var copy: String?
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let file = try await context.run(
        ComposeFileOperation(
          container: container, image: image, nginxFolder: folder, copy: copy.map(absolutePath),
          httpPort: httpPort, httpsPort: httpsPort, hasHTTP3: hasHTTP3, network: network))
      output.result(
        ComposeResult(compose: file), isVerbatim: true,
        text: TerminalText(raw: String(file.dropLast())))
    }
  }
}
