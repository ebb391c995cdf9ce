import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport

/// A fake CA, a test clock and a client, for one test.
struct Stage {
  let clock = TestClock()
  let ca: FakeCA
  let client: ACMEClient
  let cache = MemoryCache()
  let key: PrivateKey

  init(policy: RetryPolicy = RetryPolicy(), _ change: (inout FakeCA.Settings) -> Void = { _ in })
    throws
  {
    var settings = FakeCA.Settings()
    change(&settings)
    ca = try FakeCA(clock: clock, settings)
    key = try PrivateKey.generate(.ec256)
    client = ACMEClient(
      directoryURL: ca.directoryURL, http: ca, cache: cache, policy: policy, clock: clock.wall)
  }

  /// Returns another client, as in a later run: the same cache, no nonces.
  func laterClient() -> ACMEClient {
    ACMEClient(directoryURL: ca.directoryURL, http: ca, cache: cache, clock: clock.wall)
  }

  /// Registers an account and clears the CA's request log.
  func account() async throws -> Account {
    let account = try await client.register(key: key, NewAccount(termsOfServiceAgreed: true))
    ca.resetLog()
    return account
  }

  /// Returns an account in a later run: no nonces, a cached directory, an empty log.
  func returningAccount() async throws -> Account {
    let url = try await account().url
    return laterClient().account(url: url, key: key)
  }
}

/// An in-memory cache of directories.
final class MemoryCache: DirectoryCache {
  private let entries = Mutex<[String: Directory]>([:])

  func directory(for url: String) -> Directory? { entries.withLock { $0[url] } }
  func store(_ directory: Directory, for url: String) { entries.withLock { $0[url] = directory } }
}

extension Account {
  /// Places an order and responds to the first challenge of each name; returns the order unpolled.
  func answeredOrder(_ names: String...) async throws -> Order { try await answer(names) }

  /// Places an order, responds to the first challenge of each name and waits for the validation.
  func readyOrder(_ names: String...) async throws -> Order {
    let order = try await answer(names)
    guard order.status == .pending else { return order }
    return try await waitForOrder(at: order.url, whileIn: [.pending], timeout: .seconds(60))
  }

  private func answer(_ names: [String]) async throws -> Order {
    let order = try await newOrder(NewOrder(try names.map { try Identifier(parsing: $0) }))
    for url in order.authorizations {
      let authorization = try await authorization(at: url)
      guard authorization.status == .pending, let challenge = authorization.challenges.first else {
        continue
      }
      try await respond(to: challenge)
    }
    return order
  }

  /// Issues a certificate with as few requests as possible.
  func issue(_ names: String...) async throws -> IssuedChain {
    var order = try await newOrder(NewOrder(try names.map { try Identifier(parsing: $0) }))
    for url in order.authorizations where order.status == .pending {
      let authorization = try await authorization(at: url)
      if authorization.status == .pending, let challenge = authorization.challenges.first {
        try await respond(to: challenge)
      }
    }
    if order.status == .pending {
      order = try await waitForOrder(at: order.url, whileIn: [.pending], timeout: .seconds(60))
    }
    return try await collect(order)
  }

  /// Finalizes a ready order and returns the chain.
  func collect(_ ready: Order) async throws -> IssuedChain {
    let ips = ready.identifiers.filter { $0.type == .ip }.map(\.value)
    let names = ready.identifiers.filter { $0.type == .dns }.map(\.value)
    let request = try CertificateRequest(
      key: PrivateKey.generate(.ec256), dnsNames: names, ipAddresses: ips)
    var order = try await finalize(ready, request: request)
    if order.status == .processing {
      order = try await waitForOrder(
        at: order.url, whileIn: [.processing], timeout: .seconds(60), notBefore: order.retryAfter)
    }
    return try await certificateChain(of: order)
  }
}

/// Returns the `ACMEError` that a body throws, or nil.
func failure(_ body: () async throws -> Void) async -> ACMEError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? ACMEError
  }
}
