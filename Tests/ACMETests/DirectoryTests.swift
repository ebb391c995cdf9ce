import ACME
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@Suite struct DirectoryTests {
  @Test func `the directory is requested once and then cached`() async throws {
    let stage = try Stage {
      $0.termsOfService = "https://ca.test/terms"
      $0.profiles = ["classic": "the usual"]
    }
    let directory = try await stage.client.directory()
    #expect(try await stage.client.directory() == directory)
    #expect(try await stage.laterClient().directory() == directory)
    #expect(stage.ca.count() == 1)
    #expect(directory.termsOfService == "https://ca.test/terms")
    #expect(directory.profiles == ["classic": "the usual"])
    #expect(directory.caaIdentities == ["ca.test"])
    #expect(!directory.externalAccountRequired)
    #expect(directory.newAuthz == nil)
  }

  @Test func `a directory survives encoding and decoding`() async throws {
    let stage = try Stage {
      $0.requiresExternalAccount = true
      $0.profiles = ["a": "b"]
    }
    let directory = try await stage.client.directory()
    let copy = try JSONDecoder().decode(
      Directory.self, from: JSONEncoder().encode(directory))
    #expect(copy == directory)
  }

  @Test func `malformed fields of a directory are ignored`() async throws {
    let stage = try Stage {
      $0.bend = { kind, body in
        guard kind == .directory else { return }
        body["keyChange"] = 7
        body["meta"] = [
          "termsOfService": nil, "caaIdentities": ["ca.test", 3], "externalAccountRequired": "no",
          "profiles": ["good": "words", "odd": ["deep": 1]],
        ]
      }
    }
    let directory = try await stage.client.directory()
    #expect(directory.keyChange == nil)
    #expect(directory.caaIdentities == ["ca.test"])
    #expect(directory.profiles == ["good": "words", "odd": ""])
  }

  @Test(arguments: [
    (Fault.html(status: 404, "Not Found"), "status 404"),
    (.html(status: 200, "It works!"), "It works!"),
    (.answer(status: 200, type: "application/json", body: [UInt8]("{}".utf8)), "\"{}\""),
    (.answer(status: 200, type: "application/json", body: [0xff, 0xfe, 0]), "status 200"),
    (.problem("malformed", status: 400, detail: "who are you"), "who are you"),
  ])
  func `the error for an unusable directory contains the URL and the response`(
    fault: Fault, words: String
  ) async throws {
    let stage = try Stage()
    stage.ca.inject(fault, on: .directory)
    let error = try #require(await failure { _ = try await stage.client.directory() })
    #expect(error.code == .directoryUnusable)
    #expect(error.description.hasPrefix("cannot read the directory https://ca.test/dir: "))
    #expect(error.description.contains(words))
    expectText(error.hint, mentions: "directory URL")
  }

  @Test func `a stale cached directory is requested again`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    var stale = try await stage.client.directory()
    stale.newOrder = "https://ca.test/gone"
    stage.cache.store(stale, for: stage.ca.directoryURL)
    let later = stage.laterClient().account(url: account.url, key: stage.key)
    #expect(try await stage.laterClient().findAccount(key: stage.key)?.url == account.url)
    stage.ca.resetLog()
    let order = try await later.newOrder(NewOrder([.dns("example.com")]))
    #expect(order.status == .pending)
    #expect(stage.ca.kinds == [.newNonce, .other, .directory, .newOrder])
  }

  @Test(arguments: [
    "http://ca.example/dir", "http://192.0.2.1/dir", "ftp://ca.example/dir", "ca.example", "",
    "https://", "https://user:pw@ca.example/dir", "https://ca.example/a b",
    "http://localhost.evil.example/dir", "http://127.0.0.1.evil.example/",
  ])
  func `a directory URL must be https`(url: String) async throws {
    let stage = try Stage()
    let client = ACMEClient(directoryURL: url, http: stage.ca)
    let error = try #require(await failure { _ = try await client.directory() })
    #expect(error.code == .insecureURL)
    #expect(!error.description.contains("user:pw"))
    #expect(stage.ca.count() == 0)
  }

  @Test(arguments: ["http://localhost:14000", "http://127.0.0.1:14000", "http://[::1]:14000"])
  func `plain http is allowed on loopback`(base: String) async throws {
    let stage = try Stage { $0.base = base }
    let account = try await stage.account()
    _ = try await account.issue("example.com")
  }

  @Test(arguments: [
    "http://ca.test/order/1", "https://localhost/order/1", "https://127.0.0.1/", "https://[::1]/",
    "file:///etc/passwd", "https://ca.test/\r\nHost: x", "/order/1",
    "https://ca.test/" + String(repeating: "a", count: 3000),
  ])
  func `unsafe URLs from the CA are rejected`(url: String) async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let error = try #require(await failure { _ = try await account.authorization(at: url) })
    #expect(error.code == .untrustedAnswer)
    #expect(stage.ca.count() == 0)
  }

  @Test func `another host over https is allowed`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    _ = await failure { _ = try await account.order(at: "https://other.example/order/1") }
    #expect(stage.ca.requests.map(\.url) == ["https://other.example/order/1"])
  }
}
