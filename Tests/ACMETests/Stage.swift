import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport

/// A CA, a clock that jumps and a client, for one test.
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

  /// Another client, as a later run has it: the same cache, no nonces.
  func laterClient() -> ACMEClient {
    ACMEClient(directoryURL: ca.directoryURL, http: ca, cache: cache, clock: clock.wall)
  }

  /// An account whose registration is no longer in the log.
  func account() async throws -> Account {
    let account = try await client.register(key: key, NewAccount(termsOfServiceAgreed: true))
    ca.resetLog()
    return account
  }

  /// An account in a later run: no nonces, the directory in the cache, an empty log.
  func returningAccount() async throws -> Account {
    let url = try await account().url
    return laterClient().account(url: url, key: key)
  }
}

/// Keeps directories in memory.
final class MemoryCache: DirectoryCache {
  private let entries = Mutex<[String: Directory]>([:])

  func directory(for url: String) -> Directory? { entries.withLock { $0[url] } }
  func store(_ directory: Directory, for url: String) { entries.withLock { $0[url] = directory } }
}

extension Account {
  /// An order whose first challenges are answered, as it was before.
  func answeredOrder(_ names: String...) async throws -> Order { try await answer(names) }

  /// An order that is no longer pending, all its http-01 challenges answered.
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

  /// The whole way to a chain, with the fewest requests.
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

  /// From a ready order to the chain.
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

/// The `ACMEError` that a body throws; `nil` when it throws none.
func failure(_ body: () async throws -> Void) async -> ACMEError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? ACMEError
  }
}
