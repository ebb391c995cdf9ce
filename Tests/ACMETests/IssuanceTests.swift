import ACME
import CertctlBase
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@Suite struct IssuanceTests {
  @Test func `issuance with a known account and a cached directory takes eight requests`()
    async throws
  {
    let stage = try Stage()
    let account = try await stage.returningAccount()
    let chain = try await account.issue("example.com")
    #expect(
      stage.ca.kinds == [
        .newNonce, .newOrder, .authorization, .challenge, .order, .finalize, .order, .certificate,
      ])
    #expect(chain.leaf?.dnsNames == ["example.com"])
    #expect(Certificate.isOrdered(chain.certificates))
    #expect(chain.lastIssuerCommonName == "Test Root 1")
  }

  @Test func `issuance with a new account takes ten requests`() async throws {
    let stage = try Stage()
    let account = try await stage.client.register(
      key: stage.key, NewAccount(termsOfServiceAgreed: true))
    _ = try await account.issue("example.com")
    #expect(stage.ca.count() == 10)
    #expect(stage.ca.count(.newNonce) == 1)
  }

  @Test func `an order that is ready at once takes five requests`() async throws {
    let stage = try Stage { $0.reusesAuthorizations = true }
    _ = try await stage.account().issue("example.com")
    let account = try await stage.returningAccount()
    _ = try await account.issue("example.com")
    #expect(stage.ca.kinds == [.newNonce, .newOrder, .finalize, .order, .certificate])
  }

  @Test func `each additional name takes two more requests`() async throws {
    let stage = try Stage()
    let account = try await stage.returningAccount()
    let chain = try await account.issue("a.example", "b.example", "192.0.2.1", "2001:db8::1")
    #expect(stage.ca.count() == 8 + 3 * 2)
    #expect(chain.leaf?.ipAddresses == ["192.0.2.1", "2001:db8::1"])
  }

  @Test func `an order that finalize returns as valid is not polled`() async throws {
    let stage = try Stage { $0.issuesAtOnce = true }
    _ = try await stage.returningAccount().issue("example.com")
    #expect(stage.ca.count() == 7)
  }

  @Test func `polling an order starts after 250 ms and slows down`() async throws {
    let stage = try Stage { $0.validationLooks = 4 }
    let account = try await stage.account()
    _ = try await account.readyOrder("example.com")
    let waits = stage.clock.waits.map { $0 / .milliseconds(1) }
    #expect(waits.count == 5)
    #expect(waits.first == 250)
    #expect(zip(waits, waits.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test(arguments: ["7", "in7seconds"])
  func `Retry-After is the minimum wait before the next poll`(form: String) async throws {
    let stage = try Stage { $0.issuanceLooks = 2 }
    let account = try await stage.account()
    let ready = try await account.readyOrder("example.com")
    let wanted = form == "7" ? "7" : httpDate(stage.clock.now.addingTimeInterval(7))
    stage.ca.configure { $0.retryAfter = wanted }
    let before = stage.clock.now
    _ = try await account.collect(ready)
    #expect(stage.clock.now.timeIntervalSince(before) >= 7)
    let first = try #require(stage.clock.waits.dropFirst().first)
    #expect(first >= .seconds(6))
  }

  @Test func `an order that stays processing is a retryable error`() async throws {
    let stage = try Stage { $0.issuanceLooks = 100_000 }
    let account = try await stage.account()
    let ready = try await account.readyOrder("example.com")
    let error = try #require(await failure { _ = try await account.collect(ready) })
    #expect(error.code == .orderPending)
    #expect(error.isRetryable)
    #expect(stage.clock.waited <= 61)
  }

  @Test func `a Retry-After beyond the time limit fails immediately`() async throws {
    let stage = try Stage {
      $0.issuanceLooks = 5
      $0.retryAfter = "86400"
    }
    let account = try await stage.account()
    stage.ca.configure { $0.retryAfter = nil }
    let ready = try await account.readyOrder("example.com")
    stage.ca.configure { $0.retryAfter = "86400" }
    let waited = stage.clock.waited
    let now = stage.clock.now
    let error = try #require(await failure { _ = try await account.collect(ready) })
    #expect(error.code == .orderPending)
    #expect(error.retryAfter == now.addingTimeInterval(86400))
    #expect(stage.clock.waited == waited)
  }

  @Test func `failed validations are reported name by name`() async throws {
    let stage = try Stage {
      $0.validate = { attempt in
        attempt.name == "good.example"
          ? nil : Problem(type: .dns, detail: "NXDOMAIN for \(attempt.name)")
      }
    }
    let account = try await stage.account()
    let order = try await account.readyOrder("good.example", "bad.example", "worse.example")
    #expect(order.status == .invalid)
    let error = try await account.failure(of: order)
    #expect(error.code == .authorizationInvalid)
    #expect(error.description.contains("bad.example: NXDOMAIN for bad.example (dns)"))
    #expect(error.description.contains("worse.example: NXDOMAIN"))
    #expect(!error.description.contains("good.example: "))
    expectText(error.hint, mentions: "public DNS")
    #expect(!error.isRetryable)
  }

  @Test func `a single failed name is the subject of the error`() async throws {
    let stage = try Stage { $0.validate = { _ in Problem(type: .connection, detail: "timeout") } }
    let account = try await stage.account()
    let order = try await account.readyOrder("example.com")
    let error = try await account.failure(of: order)
    #expect(error.description == "cannot validate example.com: timeout (connection)")
    expectText(error.hint, mentions: "port")
  }

  @Test func `a failed name is detected even if the CA leaves its order pending`()
    async throws
  {
    let stage = try Stage {
      $0.validate = { attempt in
        attempt.name == "bad.example" ? Problem(type: .dns, detail: "NXDOMAIN") : nil
      }
      $0.bend = { kind, answer in
        if kind == .order, answer["status"] == "invalid" { answer["status"] = "pending" }
      }
    }
    let account = try await stage.account()
    let order = try await account.answeredOrder("good.example", "bad.example")
    let error = try #require(
      await failure { _ = try await account.waitForValidation(of: order, timeout: .seconds(300)) })
    #expect(error.code == .authorizationInvalid)
    #expect(error.description == "cannot validate bad.example: NXDOMAIN (dns)")
    #expect((10...15).contains(stage.clock.waited))
  }

  @Test func `a slow validation takes few requests for authorizations`() async throws {
    let stage = try Stage { $0.validationLooks = 45 }
    let account = try await stage.account()
    let order = try await account.answeredOrder("a.example", "b.example")
    stage.ca.resetLog()
    let ready = try await account.waitForValidation(of: order, timeout: .seconds(300))
    #expect(ready.status == .ready)
    #expect(stage.clock.waited > 150)
    #expect(stage.ca.count(.authorization) == 3 * 2)
  }

  @Test func `the error for a rejected order lists every rejected name`() async throws {
    let account = try await Stage().account()
    let names = ["a.example", "b.forbidden"].map { Identifier.dns($0) }
    let error = try #require(
      await failure { _ = try await account.newOrder(NewOrder(names)) })
    #expect(error.problem?.type == .rejectedIdentifier)
    #expect(
      error.description
        == "cannot place an order for a.example, b.forbidden: cannot issue for 1 names "
        + "(rejectedIdentifier); b.forbidden: policy forbids this name (rejectedIdentifier)")
  }

  @Test func `alternate chains come from relative links and are fetched only on demand`()
    async throws
  {
    let stage = try Stage { $0.hasAlternateChain = true }
    let account = try await stage.returningAccount()
    let chain = try await account.issue("example.com")
    #expect(stage.ca.count() == 8)
    #expect(chain.alternateURLs.count == 1)
    let others = try await account.alternateChains(of: chain)
    #expect(others.map(\.lastIssuerCommonName) == ["Test Root 2"])
    #expect(others.first?.leaf == chain.leaf)
  }

  @Test func `a later run can complete a stored order`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let ready = try await account.readyOrder("example.com")
    let kept = try JSONEncoder().encode(ready)
    let order = try JSONDecoder().decode(Order.self, from: kept)
    #expect(order == ready)
    let later = stage.laterClient().account(url: account.url, key: stage.key)
    let chain = try await later.collect(order)
    #expect(chain.leaf?.dnsNames == ["example.com"])
  }

  @Test func `a wildcard is validated with its base domain`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let order = try await account.newOrder(NewOrder([Identifier(parsing: "*.example.com")]))
    let authorization = try await account.authorization(at: order.authorizations[0])
    #expect(authorization.isWildcard)
    #expect(authorization.identifier == .dns("example.com"))
    #expect(authorization.name == "*.example.com")
    #expect(authorization.challenges.map(\.type) == [.dns01])
  }

  @Test(arguments: [-86400.0, 86400])
  func `setting the clock while waiting for an order does not change the wait`(jump: Double)
    async throws
  {
    let stage = try Stage {
      $0.validationLooks = 1_000
      $0.retryAfter = "3"
    }
    let account = try await stage.account()
    let order = try await account.newOrder(NewOrder([.dns("example.com")]))
    let authorization = try await account.authorization(at: order.authorizations[0])
    try await account.respond(to: authorization.challenges[0])
    let clock = WallClock {
      stage.clock.now
    } sleep: {
      try stage.clock.sleep($0)
      stage.clock.advance(jump)
    }
    let client = ACMEClient(directoryURL: stage.ca.directoryURL, http: stage.ca, clock: clock)
    let error = await failure {
      _ = try await client.account(url: account.url, key: account.key).waitForOrder(
        at: order.url, whileIn: [.pending], timeout: .seconds(30))
    }
    #expect(error?.code == .orderPending)
    #expect((25...30).contains(stage.clock.waited))
  }
}

/// Formats an IMF-fixdate, independently of the library.
func httpDate(_ date: Date) -> String {
  let text = date.ISO8601Format()
  let parts = text.split { "-T:Z".contains($0) }.map(String.init)
  let months = [
    "01": "Jan", "02": "Feb", "03": "Mar", "04": "Apr", "05": "May", "06": "Jun", "07": "Jul",
    "08": "Aug", "09": "Sep", "10": "Oct", "11": "Nov", "12": "Dec",
  ]
  return
    "Mon, \(parts[2]) \(months[parts[1]] ?? "") \(parts[0]) \(parts[3]):\(parts[4]):\(parts[5])"
    + " GMT"
}
