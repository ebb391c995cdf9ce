import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// In-memory handshakes compared with real clients at an nginx that has the same TLS policy.
@Suite(.timeLimit(.minutes(30)))
struct HandshakeAgreementTests {
  /// A TLS policy and its nginx directives.
  struct Case: Sendable, CustomTestStringConvertible {
    var versions = "TLSv1.2 TLSv1.3"
    var ciphers: String?
    var groups: String?
    var hasParameters = false

    var testDescription: String {
      "\(versions) \(ciphers ?? "-") \(groups ?? "-") \(hasParameters)"
    }

    func directives(in folder: TemporaryFolder) -> String {
      var words = ["ssl_protocols \(versions)"]
      if let ciphers { words.append("ssl_ciphers \(ciphers)") }
      if let groups { words.append("ssl_ecdh_curve \(groups)") }
      if hasParameters { words.append("ssl_dhparam \(folder.path("dh.pem"))") }
      return words.map { "\($0);" }.joined(separator: " ")
    }

    func policy(_ parameters: DHParameters) -> TLSPolicy {
      TLSPolicy(
        versions: Set(versions.split(separator: " ").compactMap { .init(directive: String($0)) }),
        ciphers: ciphers, groups: groups, dhParameters: hasParameters ? parameters.pem : nil)
    }
  }

  static let cases = [
    Case(), Case(groups: "secp384r1"), Case(versions: "TLSv1.3"),
    Case(versions: "TLSv1.1 TLSv1.3"),
    Case(ciphers: "ECDHE-RSA-AES128-GCM-SHA256"), Case(ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256"),
    Case(versions: "TLSv1.1 TLSv1.3", ciphers: "ECDHE-RSA-AES128-GCM-SHA256"),
    Case(versions: "TLSv1 TLSv1.1 TLSv1.2", ciphers: "ECDHE-RSA-AES256-GCM-SHA384:AES256-SHA"),
    Case(versions: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384:HIGH:!aRSA"),
    Case(versions: "TLSv1.2", ciphers: "DHE-RSA-AES128-GCM-SHA256"),
    Case(versions: "TLSv1.2", ciphers: "DHE-RSA-AES128-GCM-SHA256", hasParameters: true),
    Case(ciphers: "DHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"),
  ]

  @Test(.requires("nginx", "openssl"), arguments: cases, [KeyType.ec256, .rsa2048])
  func `the in-memory handshake and nginx agree`(_ example: Case, _ type: KeyType) async throws {
    let key = try PrivateKey.generate(type)
    let certificate = try ChallengeCertificate.make(
      for: "example.com", digest: Digest.sha256([1]), key: key)
    let identity = try TLSEngine.Identity(chain: [certificate], key: key)
    let parameters = try DHParameters.standard(bits: 2048)
    let policy = example.policy(parameters)
    var works = true
    do {
      try testHandshake([identity], policy, serverName: "example.com")
    } catch {
      works = false
    }

    let port = try FreePort.pick()
    try await withTemporaryFolder(label: "handshake") { folder in
      try folder.write("chain.pem", String(decoding: certificate.pem, as: UTF8.self))
      try folder.write(
        "key.pem", String(decoding: try key.pemRepresentation(), as: UTF8.self))
      try folder.write("dh.pem", String(decoding: parameters.pem, as: UTF8.self))
      let http = """
        server {
          listen 127.0.0.1:\(port) ssl;
          ssl_certificate \(folder.path("chain.pem"));
          ssl_certificate_key \(folder.path("key.pem"));
          \(example.directives(in: folder))
        }
        """
      try await NginxServer.run(http: http, ports: [port]) { _ in
        var anyWorks = false
        for version in ["-tls1_2", "-tls1_3"] {
          let client = Program(
            "openssl", ["s_client", "-connect", "127.0.0.1:\(port)", version, "-no_ticket"])
          anyWorks = try await client.run(within: .seconds(20)).exitCode == 0 || anyWorks
        }
        #expect(works == anyWorks)
      }
    }
  }
}
