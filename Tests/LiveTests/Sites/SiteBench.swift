import ACME
import CertctlCrypto
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlServing

/// The nginx programs that sites are tested with.
///
/// `CERTCTL_TEST_NGINX` may have the path of one more: another version, another TLS library.
enum SiteNginx: String, CaseIterable, CustomTestStringConvertible {
  case installed, newest, given

  static var allCases: [SiteNginx] {
    [.installed, .newest] + (givenPath == nil ? [] : [.given])
  }

  private static var givenPath: String? {
    ProcessInfo.processInfo.environment["CERTCTL_TEST_NGINX"]
  }

  var executable: String {
    switch self {
    case .installed: "nginx"
    case .newest: PythonPrograms.nginx
    case .given: Self.givenPath ?? ""
    }
  }

  var testDescription: String { rawValue }

  /// Returns the version and the build options.
  func build() async throws -> NginxBuild {
    let said = try await Program(executable, ["-V"]).run().requireSuccess("nginx -V")
    return try #require(NginxBuild(versionOutput: said.standardError + said.standardOutput))
  }
}

/// Site files in a folder, as certctl writes them.
struct SiteBench {
  let folder: TemporaryFolder
  let build: NginxBuild
  var machine = SiteBench.machine
  var now = Date()
  /// Foreign files, by their names in `sites-enabled`.
  var others: [String: String] = [:]

  /// A machine with IPv6 and a name server that does not answer.
  static let machine = ExistingNginxConfiguration.Machine(
    resolvConf: "nameserver 127.0.0.1\n", hosts: "127.0.0.1 localhost\n10.0.0.9 nas\n",
    ifInet6: "00000000000000000000000000000001 01 80 10 80       lo\n")

  static let dhParameters = Task {
    try await Program(
      "openssl",
      ["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"]
    ).run().requireSuccess("openssl genpkey").standardOutput
  }

  /// The main file for a test of the configuration.
  static let main = """
    \(isRoot ? "user root;" : "")
    pid nginx.pid;
    events {}
    http { include sites-enabled/*.conf; }

    """

  /// Whether the tests run as root: nginx's workers must stay root to enter the folder.
  static var isRoot: Bool { geteuid() == 0 }

  private var place: SitePaths {
    get throws { try SitePaths(nginx: folder.path, certificates: folder.path("live")) }
  }

  /// Returns a renderer for this folder and the foreign files in it.
  func renderer() throws -> SiteRenderer {
    var texts = [folder.path("nginx.conf"): "http { include sites-enabled/*.conf; }"]
    for (name, text) in others { texts[folder.path("sites-enabled/\(name)")] = text }
    let configuration = NginxConfiguration(main: folder.path("nginx.conf"), texts: texts)
    return SiteRenderer(
      build: build, paths: try place,
      surroundings: ExistingNginxConfiguration(configuration, machine: machine) { _ in false },
      now: now)
  }

  /// Writes all files of the sites, and creates the folder for challenges.
  func write(_ sites: [(site: Site, stage: SiteRenderer.Stage)]) async throws {
    try folder.makeFolder("certctl/challenges/.well-known/acme-challenge")
    let renderer = try renderer()
    let parameters = try await Self.dhParameters.value
    for (path, text) in renderer.sharedFiles(for: sites.map(\.site), dhParameters: parameters) {
      try folder.write(path, text)
    }
    try folder.write("sites-enabled/00-certctl.conf", "include certctl/http.conf;\n")
    for (site, stage) in sites {
      try folder.write("sites-enabled/\(site.name).conf", renderer.siteFile(site, stage))
    }
    for (name, text) in others { try folder.write("sites-enabled/\(name)", text) }
  }

  /// Writes the certificates of a lineage.
  func issue(_ name: String, for hosts: [String], types: [KeyType] = [.ec256]) throws {
    for (index, type) in types.enumerated() {
      let key = try PrivateKey.generate(type)
      let leaf = try Self.ca.get().leaf(
        for: key.publicKey, dnsNames: hosts, notBefore: now.addingTimeInterval(-3600),
        notAfter: now.addingTimeInterval(89 * 86400))
      let chain = leaf.pem + (try Self.ca.get().intermediate.pem)
      let place = "live/\(name)" + (index == 0 ? "" : "/rsa")
      try folder.write("\(place)/fullchain.pem", String(decoding: chain, as: UTF8.self))
      try folder.write(
        "\(place)/privkey.pem", String(decoding: try key.pemRepresentation(), as: UTF8.self))
    }
    try folder.write("root.pem", String(decoding: try Self.ca.get().root.pem, as: UTF8.self))
  }

  static let ca = Result { try TestCA() }

  /// Returns the messages of `nginx -t`, empty if there is no error and no warning.
  func test(by nginx: SiteNginx) async throws -> String {
    try folder.write("nginx.conf", Self.main)
    let result = try await Program(
      nginx.executable,
      ["-t", "-p", folder.path, "-c", folder.path("nginx.conf"), "-e", "stderr"]
    ).run()
    let lines = (result.standardOutput + result.standardError).split(separator: "\n")
      .filter { !$0.hasSuffix("syntax is ok") && !$0.hasSuffix("test is successful") }
    return (result.exitCode == 0 ? "" : "\(result.status)\n") + lines.joined(separator: "\n")
  }
}
