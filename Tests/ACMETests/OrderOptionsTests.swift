import ACME
import FoundationEssentials
import TestSupport
import Testing

@Suite struct OrderOptionsTests {
  private let names = [Identifier.dns("example.com")]

  @Test func `an order sends its profile and dates`() async throws {
    let stage = try Stage { $0.profiles = ["shortlived": "six days"] }
    let account = try await stage.account()
    let from = Date(timeIntervalSince1970: 1_780_000_000)
    let order = try await account.newOrder(
      NewOrder(
        names, profile: "shortlived", notBefore: from, notAfter: from.addingTimeInterval(86400)))
    #expect(order.profile == "shortlived")
    let payload = try #require(stage.ca.requests.first).payload
    #expect(payload["notBefore"] == "2026-05-28T20:26:40Z")
    #expect(payload["notAfter"] == "2026-05-29T20:26:40Z")
    #expect(payload["profile"] == "shortlived")
  }

  @Test func `the error for an unknown profile lists the CA's profiles`()
    async throws
  {
    let stage = try Stage { $0.profiles = ["classic": "", "tlsserver": ""] }
    let account = try await stage.account()
    let error = try #require(
      await failure { _ = try await account.newOrder(NewOrder(names, profile: "tlsclient")) })
    #expect(error.code == .unknownProfile)
    expectText(error.hint, mentions: "classic, tlsserver")
    #expect(stage.ca.count() == 0)
  }

  @Test func `a profile newer than the cached directory is found`() async throws {
    let stage = try Stage()
    let account = try await stage.returningAccount()
    stage.ca.configure { $0.profiles = ["new": "brand new"] }
    let order = try await account.newOrder(NewOrder(names, profile: "new"))
    #expect(order.profile == "new")
    #expect(stage.ca.count(.directory) == 1)
  }

  @Test func `replaces is sent only if the CA has renewal information`() async throws {
    let id = try #require(CertificateID(rawValue: "YWJj.AQ"))
    for has in [true, false] {
      let stage = try Stage { if !has { $0.resources.remove("renewalInfo") } }
      let account = try await stage.account()
      let order = try await account.newOrder(NewOrder(names, replaces: id))
      #expect(order.replaces == (has ? id.rawValue : nil))
      #expect(stage.ca.count() == 1)
    }
  }

  @Test(arguments: [("alreadyReplaced", 409), ("malformed", 400), ("notFound", 404)])
  func `an order is retried without replaces if the CA rejects it`(type: String, status: Int)
    async throws
  {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.problem(type, status: status), on: .newOrder)
    let id = try #require(CertificateID(rawValue: "YWJj.AQ"))
    let order = try await account.newOrder(NewOrder(names, replaces: id))
    #expect(order.replaces == nil)
    #expect(stage.ca.requests.map(\.payload["replaces"].string) == [id.rawValue, nil])
  }

  @Test func `an order rejected for another reason than replaces is not retried`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.problem("rejectedIdentifier", status: 403), on: .newOrder)
    let id = try #require(CertificateID(rawValue: "YWJj.AQ"))
    let error = await failure { _ = try await account.newOrder(NewOrder(names, replaces: id)) }
    #expect(error?.problem?.type == .rejectedIdentifier)
    #expect(stage.ca.count() == 1)
  }

  @Test func `authorizations can be created without an order and deactivated`() async throws {
    let stage = try Stage { $0.resources.insert("newAuthz") }
    let account = try await stage.account()
    let authorization = try await account.newAuthorization(for: .dns("example.com"))
    try await account.deactivateAuthorization(at: authorization.url)
    #expect(stage.ca.authorizationStates == ["example.com": "deactivated"])
    // Deactivating it again is not an error.
    try await account.deactivateAuthorization(at: authorization.url)
  }
}
