import ACME
import CertctlBase
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

@Suite struct RequestTests {
  private let names = NewOrder([.dns("example.com")])

  // Nonces

  @Test func `a request with a rejected nonce is retried immediately with the new one`()
    async throws
  {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.badNonce, on: .newOrder, times: 150)
    _ = try await account.newOrder(names)
    #expect(stage.ca.count(.newOrder) == 151)
    #expect(stage.ca.count(.newNonce) == 0)
    #expect(stage.clock.waits.isEmpty)
    let nonces = stage.ca.requests.compactMap { $0.header["nonce"].string }
    #expect(Set(nonces).count == 151)
  }

  @Test func `the 151st rejected nonce is a retryable error`()
    async throws
  {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.badNonce, on: .newOrder, times: 1000)
    let error = try #require(await failure { _ = try await account.newOrder(names) })
    #expect(error.problem?.type == .badNonce)
    #expect(error.isRetryable)
    #expect(stage.ca.count(.newOrder) == 151)
  }

  @Test func `a rejection without a nonce makes the client request one`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.problem("badNonce", status: 400, givesNonce: false), on: .newOrder)
    _ = try await account.newOrder(names)
    #expect(stage.ca.kinds == [.newOrder, .newNonce, .newOrder])
  }

  @Test func `a stale nonce takes one more request`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.forgetNonces()
    _ = try await account.newOrder(names)
    #expect(stage.ca.kinds == [.newOrder, .newOrder])
  }

  @Test func `malformed nonces are ignored`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let bad = HTTPField(name: "Replay-Nonce", value: "not base64!")
    stage.ca.inject(
      .problem("serverInternal", status: 500, headers: [bad], givesNonce: false), on: .newOrder)
    _ = try await account.newOrder(names)
    #expect(stage.ca.kinds == [.newOrder, .newNonce, .newOrder])
  }

  @Test func `a nonce from an error response is used for the retry`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.problem("serverInternal", status: 503, givesNonce: true), on: .newOrder)
    _ = try await account.newOrder(names)
    #expect(stage.ca.kinds == [.newOrder, .newOrder])
  }

  @Test func `parallel orders use different nonces`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let urls = try await withThrowingTaskGroup(of: String.self) { group in
      for index in 0..<20 {
        group.addTask {
          try await account.newOrder(NewOrder([.dns("host\(index).example")])).url
        }
      }
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(urls.count == 20)
    #expect(stage.ca.count(.newOrder) == 20)
  }

  @Test func `only one of many stale nonces takes a request`() async throws {
    let http = NonceLadder()
    let client = ACMEClient(directoryURL: "https://ca.test/dir", http: http)
    // Five directory responses fill the pool with five nonces.
    for _ in 0..<5 { _ = try await client.refreshedDirectory() }
    let key = try PrivateKey.generate(.ec256)
    _ = await failure { _ = try await client.findAccount(key: key) }
    #expect(http.nonces == ["n5", "fresh"])
  }

  // Retries

  @Test(arguments: [
    Fault.dropBefore, .dropAfter, .refuseConnection, .html(status: 502), .html(status: 503),
    .problem("serverInternal", status: 500), .problem("serverInternal", status: 503),
    .problem("rateLimited", status: 429, headers: [HTTPField(name: "Retry-After", value: "2")]),
  ])
  func `newOrder is retried after a temporary failure`(fault: Fault) async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(fault, on: .newOrder, times: 2)
    _ = try await account.newOrder(names)
    #expect(stage.ca.count(.newOrder) == 3)
    #expect(stage.clock.waits.count == 2)
  }

  @Test func `retries end after five attempts with growing waits`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.html(status: 502), on: .newOrder, times: 100)
    let error = try #require(await failure { _ = try await account.newOrder(names) })
    #expect(error.code == .unavailable)
    #expect(error.isRetryable)
    #expect(stage.ca.count(.newOrder) == 5)
    let waits = stage.clock.waits
    for (index, wait) in waits.enumerated() {
      let full = Duration.milliseconds(500 << index)
      #expect(wait >= full / 2 && wait <= full)
    }
    #expect(waits.count == 4)
  }

  @Test func `a policy of one attempt retries only rejected nonces`() async throws {
    let stage = try Stage(policy: .once)
    let account = try await stage.account()
    stage.ca.inject(.badNonce, on: .newOrder)
    stage.ca.inject(.html(status: 502), on: .newOrder, times: 100)
    let error = await failure { _ = try await account.newOrder(names) }
    #expect(error?.code == .unavailable)
    #expect(stage.ca.count(.newOrder) == 2)
    #expect(stage.clock.waits.isEmpty)
  }

  @Test(arguments: [429, 503])
  func `a long Retry-After fails immediately and reports the time`(status: Int) async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let header = HTTPField(name: "Retry-After", value: "3600")
    stage.ca.inject(.problem("rateLimited", status: status, headers: [header]), on: .newOrder)
    let error = try #require(await failure { _ = try await account.newOrder(names) })
    #expect(error.code == .rateLimited)
    #expect(error.isRetryable)
    #expect(error.retryAfter == stage.clock.now.addingTimeInterval(3600))
    #expect(stage.ca.count(.newOrder) == 1)
    #expect(stage.clock.waits.isEmpty)
  }

  @Test func `an outage with a long Retry-After is unavailable`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let header = HTTPField(name: "Retry-After", value: "7200")
    stage.ca.inject(.html(status: 503, headers: [header]), on: .newOrder)
    let error = try #require(await failure { _ = try await account.newOrder(names) })
    #expect(error.code == .unavailable)
    #expect(error.retryAfter == stage.clock.now.addingTimeInterval(7200))
    #expect(stage.clock.waits.isEmpty)
  }

  @Test func `a rate limit without Retry-After is not retried`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.problem("rateLimited", status: 429), on: .newOrder, times: 9)
    let error = await failure { _ = try await account.newOrder(names) }
    #expect(error?.code == .rateLimited)
    #expect(error?.isRetryable == true)
    #expect(stage.ca.count(.newOrder) == 1)
  }

  @Test func `the next attempt waits for Retry-After`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let header = HTTPField(name: "Retry-After", value: "10")
    stage.ca.inject(.html(status: 503, headers: [header]), on: .newOrder)
    _ = try await account.newOrder(names)
    let wait = try #require(stage.clock.waits.first)
    #expect(wait >= .seconds(10) && wait <= .seconds(11))
  }

  @Test func `a TLS failure is not retried`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.tlsFailure, on: .newOrder, times: 9)
    let error = await failure { _ = try await account.newOrder(names) }
    #expect(error?.code == .connection)
    #expect(error?.isRetryable == false)
    #expect(stage.ca.count(.newOrder) == 1)
  }

  @Test func `unknown errors of an HTTP client are wrapped in an ACMEError`() async throws {
    struct Odd: Error {}
    struct Client: HTTPClient {
      func send(_ request: HTTPRequest) async throws -> HTTPResponse { throw Odd() }
    }
    let client = ACMEClient(directoryURL: "https://ca.test/dir", http: Client())
    let error = await failure { _ = try await client.directory() }
    #expect(error?.code == .connection)
    #expect(error?.underlying is Odd)
  }

  @Test func `cancellation ends a wait with CancellationError`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.html(status: 502), on: .newOrder, times: 9)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      _ = try await account.newOrder(names)
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  // Challenges and finalize

  @Test func `a challenge response whose reply was lost is not sent again`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.dropAfter, on: .challenge)
    let order = try await account.readyOrder("example.com")
    #expect(order.status == .ready)
    #expect(stage.ca.count(.challenge) == 1)
    #expect(stage.ca.count(.authorization) == 2)
  }

  @Test func `a challenge response that never arrived is sent again after a check`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.dropBefore, on: .challenge)
    let order = try await account.readyOrder("example.com")
    #expect(order.status == .ready)
    #expect(
      stage.ca.kinds.prefix(5) == [
        .newOrder, .authorization, .challenge, .newNonce, .authorization,
      ])
    #expect(stage.ca.count(.challenge) == 2)
  }

  @Test func `a challenge response that could not be sent is sent again without a check`()
    async throws
  {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.refuseConnection, on: .challenge)
    _ = try await account.readyOrder("example.com")
    #expect(stage.ca.count(.challenge) == 2)
    #expect(stage.ca.count(.authorization) == 1)
  }

  @Test func `a conflict on a challenge means that validation is running`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.problem("conflict", status: 409, afterProcessing: true), on: .challenge)
    let order = try await account.readyOrder("example.com")
    #expect(order.status == .ready)
    #expect(stage.ca.count(.challenge) == 1)
  }

  @Test(arguments: [Fault.dropAfter, .html(status: 502, afterProcessing: true)])
  func `a finalize whose response was lost is not sent again`(fault: Fault) async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let ready = try await account.readyOrder("example.com")
    stage.ca.inject(fault, on: .finalize)
    let chain = try await account.collect(ready)
    #expect(chain.leaf?.dnsNames == ["example.com"])
    #expect(stage.ca.count(.finalize) == 1)
  }

  @Test func `a finalize that never arrived is sent again after a check`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let ready = try await account.readyOrder("example.com")
    stage.ca.inject(.dropBefore, on: .finalize)
    _ = try await account.collect(ready)
    #expect(stage.ca.count(.finalize) == 2)
  }

  @Test func `orderNotReady makes the client read the order again`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let ready = try await account.readyOrder("example.com")
    stage.ca.inject(
      .problem("orderNotReady", status: 403, afterProcessing: true), on: .finalize)
    let chain = try await account.collect(ready)
    #expect(chain.leaf?.dnsNames == ["example.com"])
    #expect(stage.ca.count(.finalize) == 1)
  }

  @Test func `an order that never becomes ready is an error with the CA's problem`()
    async throws
  {
    let stage = try Stage()
    let account = try await stage.account()
    let order = try await account.newOrder(names)
    let error = try #require(await failure { _ = try await account.collect(order) })
    #expect(error.problem?.type == .orderNotReady)
    #expect(stage.ca.count(.finalize) == 1)
  }

  // Malformed responses

  @Test func `an HTML page is quoted as text, not reported as a JSON error`() async throws {
    let stage = try Stage(policy: .once)
    let account = try await stage.account()
    stage.ca.inject(.html(status: 502, "Bad\u{1b}[31m Gateway"), on: .newOrder)
    let error = try #require(await failure { _ = try await account.newOrder(names) })
    #expect(
      error.description
        == "cannot place an order for example.com: HTTP status 502 (text/html): "
        + "\"502 Bad\\u{1B}[31m Gateway\"")
    expectText(error.hint, mentions: "proxy")
  }

  @Test func `a successful response that is not JSON is an unexpected response`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.html(status: 200, "Welcome"), on: .order)
    let error = try #require(
      await failure { _ = try await account.order(at: "https://ca.test/order/1") })
    #expect(error.code == .unexpectedAnswer)
    #expect(error.description.contains("Welcome"))
  }

  @Test func `a signed request does not follow redirects`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let target = HTTPField(name: "Location", value: "https://elsewhere.example/")
    stage.ca.inject(.html(status: 302, "Moved", headers: [target]), on: .newOrder)
    let error = try #require(await failure { _ = try await account.newOrder(names) })
    #expect(error.code == .unexpectedAnswer)
    #expect(error.description.contains("a redirect to https://elsewhere.example/"))
    #expect(!error.isRetryable)
  }
}

/// A CA that sends a nonce with every directory and accepts only the one from a rejection.
private final class NonceLadder: HTTPClient {
  private let state = Mutex<(given: Int, taken: [String])>((0, []))

  var nonces: [String] { state.withLock(\.taken) }

  func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    let base = "https://ca.test/"
    guard request.method == .post else {
      let count = state.withLock { state in
        state.given += 1
        return state.given
      }
      let directory: JSONValue = [
        "newNonce": .string(base + "n"), "newAccount": .string(base + "a"),
        "newOrder": .string(base + "o"),
      ]
      return HTTPResponse(
        status: 200, headers: [HTTPField(name: "Replay-Nonce", value: "n\(count)")],
        body: directory.bytes)
    }
    let protected = request.body.flatMap { JSONValue($0) }?["protected"].string ?? ""
    let nonce = Base64URL.decode(protected).flatMap { JSONValue($0) }?["nonce"].string ?? ""
    state.withLock { $0.taken.append(nonce) }
    let type = nonce == "fresh" ? "malformed" : "badNonce"
    let body: JSONValue = ["type": .string("urn:ietf:params:acme:error:" + type)]
    return HTTPResponse(
      status: 400, headers: [HTTPField(name: "Replay-Nonce", value: "fresh")], body: body.bytes)
  }
}
