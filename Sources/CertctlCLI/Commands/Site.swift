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
    abstract: "Put a service behind nginx, with its certificate.",
    usage: "certctl site <command> [<options>]",
    discussion: """
      Examples:
        certctl site add plex.example.com http://127.0.0.1:32400 --agree-tos
        certctl site list
        certctl site disable plex.example.com
        certctl site remove plex.example.com

      certctl writes one file for each site, has nginx test it before it is put in place, and looks \
      by handshakes whether nginx does what it says; if not, all files are put back.
      """,
    subcommands: [
      SiteAdd.self, SiteList.self, SiteShow.self, SiteEnable.self, SiteDisable.self,
      SiteRemove.self, SiteCompose.self,
    ])
}

/// Which nginx is meant.
struct NginxInstallationOptions: ParsableArguments {
  @Option(
    name: .customLong("nginx-dir"),
    help: ArgumentHelp(
      "Folder of nginx.conf. Default: that of the nginx that runs, or /etc/nginx.",
      valueName: "dir"))
  var folder: String?

  @Option(
    name: .customLong("nginx-container"),
    help: ArgumentHelp("The container that nginx runs in, of docker or podman.", valueName: "name"))
  var container: String?

  func validate() throws {
    if folder != nil && container != nil {
      throw ValidationError(
        "--nginx-dir and --nginx-container exclude each other: a container's folder is found by its "
          + "mounts")
    }
    if folder == "" { throw ValidationError("--nginx-dir is empty: give the folder's path") }
  }
}

/// `certctl site add`.
struct SiteAdd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Write a site, get its certificate, and have nginx serve it.",
    usage: "certctl site add <hosts> [<upstream>] [<options>]",
    discussion: """
      Examples:
        certctl site add plex.example.com http://127.0.0.1:32400 --agree-tos
        certctl site add a.example.com,b.example.com http://app:8080 --nginx-container proxy
        certctl site add www.example.com --root /srv/www
        certctl site add app.example.com http://10.0.0.2 --location /api/=http://10.0.0.3:8080

      A certificate that is there already is used; else one is got through nginx itself, by http-01. \
      The same command again changes what is different, and nothing if nothing is.
      """)

  @Argument(help: "The site's names, separated by commas; the first one names the site.")
  var hosts: String
  @Argument(
    help: "Where requests go: http://HOST:PORT, https://HOST, or unix:/path; several by commas.")
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
      "Folder for copies of the certificates, for an nginx that cannot follow links.",
      valueName: "dir"))
  var copy: String?

  @Flag(help: "Write files anew that were changed by hand.")
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
    abstract: "List the sites that certctl wrote.",
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
    abstract: "Show all about one site, with the file that nginx reads.",
    usage: "certctl site show <site> [<options>]",
    discussion: """
      Examples:
        certctl site show plex.example.com
      """)

  @Argument(help: "The site, by one of its names.") var name: String
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
    abstract: "Have nginx serve a site again.",
    usage: "certctl site enable <site> [<options>]",
    discussion: """
      Examples:
        certctl site enable plex.example.com

      Its file is written as this nginx wants it, which may be a newer one than before.
      """)

  @Argument(help: "The site, by one of its names.") var name: String
  @Flag(help: "Write its file anew although it was changed by hand.") var force = false
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
    abstract: "Have nginx no longer serve a site; its file and certificate stay.",
    usage: "certctl site disable <site> [<options>]",
    discussion: """
      Examples:
        certctl site disable plex.example.com
      """)

  @Argument(help: "The site, by one of its names.") var name: String
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
    abstract: "Remove a site; its certificate stays.",
    usage: "certctl site remove <site> [<options>]",
    discussion: """
      Examples:
        certctl site remove plex.example.com

      With the last site goes all that certctl wrote for nginx. The certificate goes by certctl \
      delete.
      """)

  @Argument(help: "The site, by one of its names.") var name: String
  @Flag(help: "Remove files although they were changed by hand.") var force = false
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

      It mounts the folder of nginx's configuration, and the certificates in the same place as on \
      this host; nothing else of the state directory, and no socket of the engine.
      """)

  @Option(
    name: .customLong("nginx-container"),
    help: ArgumentHelp("The name of the service and its container.", valueName: "name"))
  var container = "nginx"
  @Option(
    name: .customLong("nginx-dir"),
    help: ArgumentHelp("The folder of nginx.conf on this host.", valueName: "dir"))
  var folder = "./nginx"
  @Option(help: "The image.") var image = "nginx:stable"
  @Option(help: "The network that upstream containers join.") var network = "proxy"
  @Option(
    name: .customLong("listen-http"),
    help: ArgumentHelp("Port of this host for HTTP.", valueName: "port"))
  var httpPort = 80
  @Option(
    name: .customLong("listen-https"),
    help: ArgumentHelp("Port of this host for HTTPS.", valueName: "port"))
  var httpsPort = 443
  @Flag(name: .customLong("http3"), help: "Publish the HTTPS port over UDP, too.")
  var hasHTTP3 = false
  @Option(
    name: .customLong("deploy-copy"),
    help: ArgumentHelp(
      "Folder of copies of the certificates, mounted instead of them.", valueName: "dir"))
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
