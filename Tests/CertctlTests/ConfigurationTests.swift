import ACME
import CertctlCrypto
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlOperations

struct ConfigurationTests {
  private func read(_ text: String) throws -> Configuration {
    try Configuration(toml: text, path: "/etc/certctl/certctl.toml")
  }

  private func error(_ text: String) -> CertctlError? {
    do {
      _ = try read(text)
      return nil
    } catch {
      return CertctlError(wrapping: error)
    }
  }

  @Test func `an empty file gives the defaults`() throws {
    #expect(try read("") == Configuration())
    #expect(try read("# nothing\n") == Configuration())
  }

  @Test func `every key is read`() throws {
    let configuration = try read(
      """
      email = ["a@example.com", "b@example.com"]
      agree-tos = true
      ca = ["letsencrypt", "https://ca.test/dir"]
      ca-bundle = "/etc/ca.pem"
      challenge = "tls-alpn-01"
      http-port = 8080
      http-address = "192.0.2.1"
      webroot = "/srv/www"
      tls-port = 8443
      key-type = "rsa3072"
      dual = true
      reuse-key = true
      profile = "shortlived"
      preferred-chain = "Some Root"
      owner = "root"
      group = "www-data"
      key-mode = "0640"
      keep-generations = 9
      hook = "/usr/local/bin/tell"
      metrics-file = "/var/lib/prometheus/node-exporter/certctl.prom"
      """)
    var expected = Configuration()
    expected.emails = ["a@example.com", "b@example.com"]
    expected.agreesToTerms = true
    expected.settings.authorities = ["letsencrypt", "https://ca.test/dir"]
    expected.settings.caBundle = "/etc/ca.pem"
    expected.settings.challenge = .tlsALPN01
    expected.settings.httpPort = 8080
    expected.settings.httpAddress = "192.0.2.1"
    expected.settings.webroot = "/srv/www"
    expected.settings.tlsPort = 8443
    expected.settings.keyType = .rsa3072
    expected.settings.dual = true
    expected.settings.reuseKey = true
    expected.settings.profile = "shortlived"
    expected.settings.preferredChain = "Some Root"
    expected.settings.owner = "root"
    expected.settings.group = "www-data"
    expected.settings.keyMode = "0640"
    expected.settings.keepGenerations = 9
    expected.settings.hooks = ["/usr/local/bin/tell"]
    expected.metricsFile = "/var/lib/prometheus/node-exporter/certctl.prom"
    #expect(configuration == expected)
  }

  @Test func `a single string is read as a list of one`() throws {
    let configuration = try read("email = 'a@example.com'\nca = 'zerossl'")
    #expect(configuration.emails == ["a@example.com"])
    #expect(configuration.settings.authorities == ["zerossl"])
  }

  @Test func `an unknown key is named and the hint lists the known keys`() {
    let error = error("emial = 'a@example.com'")
    #expect(error?.code == .configuration)
    #expect(error?.exitCode == 78)
    #expect(error?.message == "/etc/certctl/certctl.toml: unknown key 'emial'")
    expectError(error, hint: "email")
  }

  static let wrong = [
    "email = 1", "email = []", "email = [1]", "email = 'nobody'", "agree-tos = 'yes'", "ca = true",
    "ca = 'nowhere'", "ca = 'http://ca.test/dir'", "ca-bundle = 'relative.pem'",
    "challenge = 'http'", "challenge = 1", "http-port = '80'", "http-port = 0", "http-port = 65536",
    "http-address = 'localhost'", "webroot = 'www'", "webroot = ''", "tls-port = 1.5",
    "key-type = 'ed25519'", "key-type = 'p256'", "reuse-key = 1", "dual = 1", "profile = []",
    "owner = 0",
    "group = 0", "key-mode = 600", "keep-generations = 0", "keep-generations = 1001",
    "keep-generations = '5'", "hook = 'tell'", "hook = ['/bin/true', 'tell']", "hook = []",
    "metrics-file = 'certctl.prom'", "metrics-file = ''",
  ]

  @Test(arguments: wrong)
  func `the error for an invalid value names its key`(_ line: String) {
    let error = error(line)
    #expect(error?.code == .configuration)
    let key = line.prefix { $0 != " " }
    expectError(error, mentions: "'\(key)'")
  }

  @Test func `a syntax error names its line`() {
    let error = error("email = 'a@example.com'\nca = [\n")
    expectError(error, code: .configuration, mentions: "certctl.toml: line ")
    expectError(self.error("agree-tos = true\nemail 'x'\n"), mentions: "line 2")
  }

  @Test func `an unknown table is reported as an unknown key`() {
    expectError(error("[nginx]\nplace = '/etc/nginx'"), mentions: "'nginx'")
  }

  @Test func `two keys that are canonically equivalent in Unicode do not crash`() {
    let error = #expect(throws: CertctlError.self) {
      try Configuration(
        toml: "[dns-credentials]\n\"\u{E9}\" = \"x\"\n\"e\\u0301\" = \"y\"\n", path: "/c.toml")
    }
    expectError(error, code: .configuration, mentions: "no DNS provider has a setting")
  }
}
