import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@Suite struct CertificateTests {
  @Test func `the account key revokes a certificate, and a second revocation is no error`()
    async throws
  {
    let stage = try Stage()
    let account = try await stage.account()
    let leaf = try #require(try await account.issue("example.com").leaf)
    try await account.revoke(certificate: leaf, reason: .superseded)
    #expect(stage.ca.revocation(of: leaf) == 4)
    try await account.revoke(certificate: leaf)
    #expect(stage.ca.revocation(of: leaf) == 4)
  }

  @Test(arguments: [Fault?.none, .dropAfter])
  func `the certificate's own key revokes it without an account`(fault: Fault?) async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let ready = try await account.readyOrder("example.com")
    let key = try PrivateKey.generate(.rsa2048)
    var order = try await account.finalize(
      ready, request: CertificateRequest(key: key, dnsNames: ["example.com"]))
    order = try await account.waitForOrder(
      at: order.url, whileIn: [.processing], timeout: .seconds(5))
    let leaf = try #require(try await account.certificateChain(of: order).leaf)
    if let fault { stage.ca.inject(fault, on: .revokeCert) }
    try await stage.laterClient().revoke(
      certificate: leaf, certificateKey: key, reason: .keyCompromise)
    #expect(stage.ca.revocation(of: leaf) == 1)
    #expect(stage.ca.requests.last?.header["kid"] == .null)
  }

  @Test func `renewal information takes one request`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let leaf = try #require(try await account.issue("example.com").leaf)
    let id = try #require(CertificateID(leaf))
    stage.ca.resetLog()
    let info = try await stage.laterClient().renewalInfo(for: id)
    #expect(stage.ca.kinds == [.renewalInfo])
    #expect(info.start < info.end && info.end < leaf.notAfter)
    #expect(info.retryAfter == stage.clock.now.addingTimeInterval(21600))
  }

  @Test(
    arguments: [
      ("5", 60.0), ("0", 60), ("3600", 3600), ("604800", 86400), (nil, 21600), ("soon", 21600),
      ("-5", 21600),
    ] as [(String?, Double)])
  func `Retry-After of renewal information is limited to between one minute and one day`(
    header: String?, seconds: Double
  ) async throws {
    let stage = try Stage {
      $0.renewalRetryAfter = header
      $0.renewalWindow = (Date(timeIntervalSince1970: 0), Date(timeIntervalSince1970: 60))
    }
    let id = try #require(CertificateID(rawValue: "YWJj.AQ"))
    let info = try await stage.client.renewalInfo(for: id)
    #expect(info.retryAfter == stage.clock.now.addingTimeInterval(seconds))
    #expect(info.start == Date(timeIntervalSince1970: 0))
  }

  @Test(
    arguments: [
      ["suggestedWindow": ["start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"]],
      ["suggestedWindow": ["start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"]],
      ["suggestedWindow": ["start": "yesterday", "end": "2026-01-01T00:00:00Z"]],
      ["suggestedWindow": nil], [], "words",
    ] as [JSONValue])
  func `an invalid renewal window is an unexpected response`(body: JSONValue) async throws {
    let stage = try Stage { $0.bend = { if $0 == .renewalInfo { $1 = body } } }
    stage.ca.configure {
      $0.renewalWindow = (Date(timeIntervalSince1970: 0), Date(timeIntervalSince1970: 60))
    }
    let id = try #require(CertificateID(rawValue: "YWJj.AQ"))
    let error = await failure { _ = try await stage.client.renewalInfo(for: id) }
    #expect(error?.code == .unexpectedAnswer)
  }

  @Test func `renewal information is unsupported if the directory lacks it`() async throws {
    let stage = try Stage { $0.resources.remove("renewalInfo") }
    let id = try #require(CertificateID(rawValue: "YWJj.AQ"))
    let error = await failure { _ = try await stage.client.renewalInfo(for: id) }
    #expect(error?.code == .unsupported)
  }

  @Test func `an explanation URL is accepted only with https`() async throws {
    for (text, kept) in [("https://ca.test/why", true), ("javascript:alert(1)", false)] {
      let stage = try Stage {
        $0.bend = { if $0 == .renewalInfo { $1["explanationURL"] = .string(text) } }
        $0.renewalWindow = (Date(timeIntervalSince1970: 0), Date(timeIntervalSince1970: 60))
      }
      let id = try #require(CertificateID(rawValue: "YWJj.AQ"))
      let info = try await stage.client.renewalInfo(for: id)
      #expect(info.explanationURL == (kept ? text : nil))
    }
  }

  @Test func `an unavailable alternate chain is skipped`() async throws {
    let stage = try Stage { $0.hasAlternateChain = true }
    let account = try await stage.account()
    let chain = try await account.issue("example.com")
    #expect(chain.alternateURLs.count == 1)
    stage.ca.inject(.html(status: 404, "Not Found"), on: .certificate)
    #expect(try await account.alternateChains(of: chain).isEmpty)
    #expect(try await account.alternateChains(of: chain).count == 1)
  }

  @Test func `a response that is not a chain is quoted in the error`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.html(status: 200, "Sorry"), on: .certificate)
    let error = try #require(await failure { _ = try await account.issue("example.com") })
    #expect(error.code == .chain)
    #expect(error.description.contains("Sorry"))
  }

  @Test func `a certificate identifier matches the example of RFC 9773 section 4-1`() throws {
    let authority: [UInt8] = [
      0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b, 0xa0, 0xae,
      0x2c, 0xde, 0x01, 0xc8, 0xd4,
    ]
    let id = CertificateID(
      authorityKeyIdentifier: authority, serialNumber: [0x00, 0x87, 0x65, 0x43, 0x21])
    #expect(id?.rawValue == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
  }

  @Test(arguments: ["", ".", "a", "a.", ".b", "a.b.c", "a/b.c", "a b.c", "../x"])
  func `a malformed certificate identifier is rejected`(text: String) {
    #expect(CertificateID(rawValue: text) == nil)
  }
}
