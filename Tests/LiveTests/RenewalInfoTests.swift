import ACME
import CertctlCrypto
import CertctlHTTP
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

/// Renewal information and `replaces` (RFC 9773): the ACME library against acme2certifier.
@Suite(.timeLimit(.minutes(15)))
struct RenewalInfoTests {
  private func client(_ server: Acme2Certifier) -> ACMEClient {
    let http = CurlHTTPClient(
      CurlHTTPClient.Configuration(userAgent: "certctl-tests", caBundle: server.caBundlePath))
    return ACMEClient(directoryURL: server.directoryURL, http: http)
  }

  private func register(_ server: Acme2Certifier) async throws -> Account {
    try await client(server).register(
      key: PrivateKey.generate(.ec256),
      NewAccount(contacts: ["admin@example.com"], termsOfServiceAgreed: true))
  }

  /// Orders a certificate, validates all names with dns-01, and returns the leaf and the order.
  @discardableResult
  private func issue(
    _ account: Account, _ names: [String], replacing old: CertificateID? = nil,
    at server: Acme2Certifier
  ) async throws -> (leaf: Certificate, order: Order) {
    let identifiers = try names.map { try Identifier(parsing: $0) }
    let placed = try await account.newOrder(NewOrder(identifiers, replaces: old))
    for url in placed.authorizations {
      let authorization = try await account.authorization(at: url)
      guard authorization.status == .pending else { continue }
      let challenge = try #require(authorization.challenge(.dns01))
      let value = try challenge.keyAuthorization(accountKey: account.key.publicKey).dnsTXTValue
      try await server.dns.setTXT("_acme-challenge." + authorization.identifier.value, value)
      try await account.respond(to: challenge)
    }
    var order = try await account.waitForValidation(of: placed, timeout: .seconds(30))
    let key = try PrivateKey.generate(.ec256)
    order = try await account.finalize(
      order, request: CertificateRequest(key: key, dnsNames: names))
    if order.status == .processing {
      order = try await account.waitForOrder(
        at: order.url, whileIn: [.processing], timeout: .seconds(30), notBefore: order.retryAfter)
    }
    let leaf = try #require(try await account.certificateChain(of: order).leaf)
    #expect(leaf.matches(key))
    return (leaf, order)
  }

  @Test(.needsAcme2Certifier)
  func `the CA's window is fetched with one request, without an account`() async throws {
    try await Acme2Certifier.run { server in
      let leaf = try await issue(register(server), ["example.com"], at: server).leaf
      let id = try #require(CertificateID(leaf))
      let client = client(server)
      // The directory is fetched once, then cached.
      _ = try await client.directory()
      // The proxy logs a request when it is answered.
      try await poll("the proxy to note it") {
        server.proxy.requests.last?.path == "/directory"
      }
      try server.proxy.forgetRequests()
      let window = try await client.renewalInfo(for: id)
      try await poll("the proxy to note it") { !server.proxy.requests.isEmpty }
      #expect(
        server.proxy.requests.map { "\($0.method) \($0.path) \($0.status)" }
          == ["GET /acme/renewal-info/\(id) 200"])
      let lifetime = leaf.notAfter.timeIntervalSince(leaf.notBefore)
      let start = leaf.notBefore.addingTimeInterval(lifetime * 0.85)
      #expect(abs(window.start.timeIntervalSince(start)) <= 1)
      #expect(window.end == leaf.notAfter)
      #expect(window.explanationURL == nil)
    }
  }

  @Test(.needsAcme2Certifier)
  func `the next request returns a window that has moved into the past`() async throws {
    try await Acme2Certifier.run { server in
      let leaf = try await issue(register(server), ["example.com"], at: server).leaf
      let id = try #require(CertificateID(leaf))
      let client = client(server)
      #expect(try await client.renewalInfo(for: id).start > Date())
      try server.change(.init { $0.window = .past })
      let window = try await client.renewalInfo(for: id)
      #expect(window.end < leaf.notBefore)
      #expect(window.end.timeIntervalSince(window.start) == 3600)
    }
  }

  @Test(
    .needsAcme2Certifier,
    arguments: [(wanted: 0, kept: 60), (7200, 7200), (10 * 86400, 86400)])
  func `Retry-After is clamped to between a minute and a day`(
    seconds: (wanted: Int, kept: Int)
  ) async throws {
    try await Acme2Certifier.run(.init { $0.retryAfter = seconds.wanted }) { server in
      let leaf = try await issue(register(server), ["example.com"], at: server).leaf
      let id = try #require(CertificateID(leaf))
      let before = Date()
      let info = try await client(server).renewalInfo(for: id)
      let kept = Double(seconds.kept)
      #expect(info.retryAfter >= before.addingTimeInterval(kept))
      #expect(info.retryAfter <= Date().addingTimeInterval(kept))
    }
  }

  @Test(.needsAcme2Certifier)
  func `serial numbers with and without a leading zero byte are found`() async throws {
    try await Acme2Certifier.run { server in
      let account = try await register(server)
      let client = client(server)
      // Half of them begin with a zero byte, which is part of the identifier.
      var zeros = Set<Bool>()
      for number in 0..<20 where zeros.count < 2 || number < 4 {
        let leaf = try await issue(account, ["n\(number).example.com"], at: server).leaf
        zeros.insert(leaf.serialNumber.first == 0)
        let id = try #require(CertificateID(leaf))
        #expect(try await client.renewalInfo(for: id).end == leaf.notAfter, "\(id)")
      }
      #expect(zeros.count == 2)
    }
  }

  @Test(.needsAcme2Certifier)
  func `a certificate that the CA did not issue is an error`() async throws {
    try await Acme2Certifier.run { server in
      let id = try #require(CertificateID(rawValue: "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE_"))
      let error = await #expect(throws: ACMEError.self) {
        try await client(server).renewalInfo(for: id)
      }
      #expect(error?.status == 404)
    }
  }

  @Test(.needsAcme2Certifier)
  func `a renewal order names the certificate it replaces until it is finished`() async throws {
    try await Acme2Certifier.run { server in
      let account = try await register(server)
      let old = try await issue(account, ["example.com", "example.org"], at: server)
      #expect(old.order.replaces == nil)
      let id = try #require(CertificateID(old.leaf))
      let new = try await issue(account, ["example.com"], replacing: id, at: server)
      #expect(new.order.replaces == id.rawValue)
      #expect(new.leaf != old.leaf)
      #expect(try server.orders.map(\.replaces) == [nil, id.rawValue])
      #expect(try server.orders.map(\.status) == [201, 201])
    }
  }

  @Test(.needsAcme2Certifier)
  func `a certificate that was already replaced is ordered without replaces`() async throws {
    try await Acme2Certifier.run { server in
      let account = try await register(server)
      let id = try #require(
        CertificateID(try await issue(account, ["example.com"], at: server).leaf))
      try await issue(account, ["example.com"], replacing: id, at: server)
      let third = try await issue(account, ["example.com"], replacing: id, at: server)
      #expect(third.order.replaces == nil)
      #expect(try server.orders.map(\.status) == [201, 201, 409, 201])
      #expect(try server.orders.map(\.replaces) == [nil, id.rawValue, id.rawValue, nil])
    }
  }

  @Test(.needsAcme2Certifier)
  func `replaces is dropped for different names, and fails for another account's certificate`()
    async throws
  {
    try await Acme2Certifier.run { server in
      let account = try await register(server)
      let id = try #require(
        CertificateID(try await issue(account, ["example.com"], at: server).leaf))
      // Different names: RFC 9773 requires at least one in common.
      let other = try await issue(account, ["example.org"], replacing: id, at: server)
      #expect(other.order.replaces == nil)
      #expect(try server.orders.map(\.status) == [201, 400, 201])
      // Another account: the order is not retried for a problem unrelated to the names.
      let stranger = try await register(server)
      let error = await #expect(throws: ACMEError.self) {
        try await issue(stranger, ["example.com"], replacing: id, at: server)
      }
      #expect(error?.problem?.type == .unauthorized)
    }
  }

  @Test(.needsAcme2Certifier)
  func `a CA with renewal information but without replaces issues anyway`() async throws {
    try await Acme2Certifier.run(.init { $0.checksReplaces = false }) { server in
      let account = try await register(server)
      let id = try #require(
        CertificateID(try await issue(account, ["example.com"], at: server).leaf))
      for _ in 1...2 {
        let new = try await issue(account, ["example.com"], replacing: id, at: server)
        #expect(new.order.replaces == nil)
      }
      #expect(try server.orders.map(\.status) == [201, 201, 201])
    }
  }
}

extension Trait where Self == ConditionTrait {
  /// The programs that every test with an `Acme2Certifier` needs.
  static var needsAcme2Certifier: Self {
    .requires(Acme2Certifier.python, "pebble-challtestsrv", "nginx", "openssl", "curl")
  }
}
