import ACME
import CertctlCrypto
import FoundationEssentials
import Testing

@testable import CertctlCore
@testable import CertctlStore

/// The format of the settings in a lineage file, which must stay compatible.
struct LineageFormatTests {
  /// All keys, as certctl 0.1.0 wrote them.
  static let complete = """
    {
      "allowPartial" : true,
      "authorities" : [
        "letsencrypt",
        "https://ca.test/dir"
      ],
      "caBundle" : "/etc/ca.pem",
      "challenge" : {
        "dns" : {
          "check" : "resolver",
          "port" : 5353,
          "provider" : "cloudflare",
          "references" : {
            "CF_DNS_API_TOKEN" : "credential:cf"
          },
          "resolver" : "192.0.2.53",
          "timeLimit" : 90
        },
        "httpAddress" : "192.0.2.1",
        "httpPort" : 8080,
        "tlsPort" : 8443,
        "type" : "http-01",
        "webroot" : "/srv/www"
      },
      "csr" : "-----BEGIN CERTIFICATE REQUEST-----",
      "files" : {
        "group" : "ssl-cert",
        "keyMode" : "0640",
        "owner" : "root"
      },
      "hooks" : [
        "/usr/local/bin/tell"
      ],
      "keepGenerations" : 9,
      "keyType" : "ec384",
      "names" : [
        {
          "type" : "dns",
          "value" : "example.com"
        }
      ],
      "preferredChain" : "Some Root",
      "profile" : "shortlived",
      "reuseKey" : true,
      "rsaKeyType" : "rsa2048"
    }
    """

  /// The required keys.
  static let smallest = """
    {
      "authorities" : [
        "letsencrypt"
      ],
      "challenge" : {
        "type" : "http-01"
      },
      "files" : {

      },
      "keyType" : "ec256",
      "names" : [
        {
          "type" : "dns",
          "value" : "example.com"
        }
      ],
      "reuseKey" : false
    }
    """

  private func read(_ text: String) throws -> LineageSettings {
    try StateCoding.decoder().decode(LineageSettings.self, from: Data(text.utf8))
  }

  private func written(_ settings: LineageSettings) throws -> String {
    String(decoding: try StateCoding.encoder().encode(settings), as: UTF8.self)
  }

  @Test(arguments: [complete, smallest])
  func `a file is written as it was read`(_ text: String) throws {
    #expect(try written(try read(text)) == text)
  }

  @Test func `each key sets its property`() throws {
    let settings = try read(Self.complete)
    #expect(
      settings
        == LineageSettings(
          names: [.dns("example.com")], authorities: ["letsencrypt", "https://ca.test/dir"],
          caBundle: "/etc/ca.pem",
          challenge: ChallengeSettings(
            type: .http01, httpPort: 8080, httpAddress: "192.0.2.1", webroot: "/srv/www",
            tlsPort: 8443,
            dns: DNSSettings(
              provider: "cloudflare", references: ["CF_DNS_API_TOKEN": "credential:cf"],
              resolver: "192.0.2.53", port: 5353, timeLimit: 90, check: .resolver)),
          keyType: .ec384, rsaKeyType: .rsa2048, reuseKey: true,
          csr: "-----BEGIN CERTIFICATE REQUEST-----", profile: "shortlived",
          preferredChain: "Some Root",
          files: FileSettings(owner: "root", group: "ssl-cert", keyMode: "0640"),
          hooks: ["/usr/local/bin/tell"], keepGenerations: 9, allowPartial: true))
    #expect(
      try read(Self.smallest)
        == LineageSettings(names: [.dns("example.com")], authorities: ["letsencrypt"]))
  }

  @Test func `an empty list of hooks differs from an absent one`() throws {
    let text = Self.smallest.replacing("\"keyType\"", with: "\"hooks\" : [\n\n  ],\n  \"keyType\"")
    #expect(try read(text).hooks == [])
    #expect(try written(try read(text)) == text)
  }

  @Test(arguments: ["authorities", "challenge", "files", "keyType", "names", "reuseKey"])
  func `a file without a required key is damaged`(_ key: String) {
    let text = Self.smallest.replacing("\"\(key)\"", with: "\"other\"")
    #expect(throws: DecodingError.self) { try read(text) }
  }

  @Test(arguments: [
    ("\"ec384\"", "\"p384\""), ("\"ec384\"", "1"), ("Generations\" : 9", "Generations\" : \"9\""),
    ("\"shortlived\"", "[]"),
    ("\"reuseKey\" : true", "\"reuseKey\" : 1"), ("\"/etc/ca.pem\"", "true"),
  ])
  func `a value of the wrong type is an error that names its path`(
    _ right: String, _ wrong: String
  ) throws {
    let text = Self.complete.replacing(right, with: wrong)
    #expect(text != Self.complete)
    let error = #expect(throws: DecodingError.self) { try read(text) }
    #expect(StateCoding.describe(try #require(error)).hasPrefix("at '"))
  }
}
