import CertctlBase
import CertctlCore
import CertctlDNS
import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

/// The account file of the acme-dns provider.
struct AcmeDNSTests {
  static let target = "0d1c.auth.test"

  /// Returns the same account for every registration.
  private final class Server: HTTPClient {
    let bodies = Mutex<[String]>([])

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
      bodies.withLock { $0.append(String(decoding: request.body ?? [], as: UTF8.self)) }
      let account: JSONValue = [
        "username": "u1", "password": "fixture-password", "subdomain": "0d1c",
        "fulldomain": .string(AcmeDNSTests.target), "allowfrom": [],
      ]
      return HTTPResponse(status: 201, body: account.bytes)
    }
  }

  private func provider(
    _ folder: TemporaryFolder, _ server: Server, allowed: String = ""
  ) throws -> AcmeDNS {
    var environment = Environment.failing
    environment.http = { _ in server }
    environment.clock = TestClock().wall
    let values = [
      "ACME_DNS_API_BASE": "https://auth.test", "ACME_DNS_ALLOWLIST": allowed,
      "ACME_DNS_STORAGE_PATH": folder.path("accounts.json"),
    ]
    return try AcmeDNS(
      DNSProviderContext(AcmeDNS.descriptor, values: values, environment: environment))
  }

  private func record(_ domain: String, name: String? = nil) -> ChallengeRecord {
    ChallengeRecord(
      name: name ?? "_acme-challenge.\(domain)", value: String(repeating: "v", count: 43),
      domain: domain)
  }

  @Test func `a new domain is registered, its account saved and its CNAME shown`() async throws {
    try await withTemporaryFolder { folder in
      // Accounts that another client saved must stay.
      let others =
        #"{"other.test":{"username":"a","password":"b","fulldomain":"c.auth.test","#
        + #""subdomain":"c","added_on":1700000000}}"#
      try folder.write("accounts.json", others)
      let server = Server()
      let provider = try provider(folder, server, allowed: "192.0.2.0/24, 2001:db8::/32")
      let error = await #expect(throws: CertctlError.self) {
        try await provider.publish(
          [record("example.com"), record("example.com")], in: "example.com")
      }
      expectError(error, hint: "_acme-challenge.example.com. CNAME \(Self.target).")
      #expect(error?.description.contains("fixture-password") == false)
      #expect(
        server.bodies.withLock { $0 } == [#"{"allowfrom":["192.0.2.0/24","2001:db8::/32"]}"#])

      let text = try String(contentsOfFile: folder.path("accounts.json"), encoding: .utf8)
      let accounts = try #require(JSONValue(Array(text.utf8)))
      #expect(accounts["other.test"]["added_on"] == 1_700_000_000)
      #expect(accounts["example.com"]["password"] == "fixture-password")
      #expect(accounts["example.com"]["server_url"] == "https://auth.test")
      let mode = try FileManager.default.attributesOfItem(atPath: folder.path("accounts.json"))
      #expect(mode[.posixPermissions] as? Int == 0o600)
    }
  }

  @Test func `a saved account is used once its CNAME exists, also by another process`() async throws
  {
    try await withTemporaryFolder { folder in
      let first = try provider(folder, Server())
      await #expect(throws: CertctlError.self) {
        try await first.publish([record("example.com")], in: "example.com")
      }
      let server = Server()
      let second = try provider(folder, server)
      let error = await #expect(throws: CertctlError.self) {
        try await second.publish([record("example.com")], in: "example.com")
      }
      expectError(error, mentions: "not \(Self.target)")
      #expect(server.bodies.withLock { $0 } == [])
      try await second.publish([record("example.com", name: Self.target)], in: "auth.test")
      #expect(server.bodies.withLock { $0.count } == 1)
    }
  }

  @Test(arguments: ["[]", "{", #"{"example.com":{"username":"u"}}"#])
  func `an invalid account file is named in the error and left unchanged`(text: String) async throws
  {
    try await withTemporaryFolder { folder in
      try folder.write("accounts.json", text)
      let provider = try provider(folder, Server())
      let error = await #expect(throws: CertctlError.self) {
        try await provider.publish([record("example.com")], in: "example.com")
      }
      expectError(error, mentions: "accounts.json")
      #expect(
        try String(contentsOfFile: folder.path("accounts.json"), encoding: .utf8) == text)
    }
  }

  @Test func `the path of the account file must be absolute`() {
    let values = ["ACME_DNS_API_BASE": "https://auth.test", "ACME_DNS_STORAGE_PATH": "a.json"]
    let error = #expect(throws: CertctlError.self) {
      try AcmeDNS(
        DNSProviderContext(AcmeDNS.descriptor, values: values, environment: .failing))
    }
    expectError(error, mentions: "ACME_DNS_STORAGE_PATH")
  }
}
