import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlStore

struct AccountRegistrarTests {
  /// A registrar with a fake CA that has terms of service.
  private struct Bench {
    let clock = TestClock()
    let ca: FakeCA
    let store: AccountStore
    let keeper: AccountRegistrar

    init(_ state: StateDirectory) throws {
      ca = try FakeCA(clock: clock)
      ca.configure { $0.termsOfService = "https://ca.test/terms" }
      store = AccountStore(state: state)
      keeper = AccountRegistrar(
        client: ACMEClient(directoryURL: ca.directoryURL, http: ca, clock: clock.wall),
        directory: ca.directoryURL, keyType: .ec256, store: store, clock: clock.wall,
        lockTimeout: .zero)
    }

    var stored: StoredAccount? { get throws { try store.account(for: ca.directoryURL) } }
  }

  private func withBench(_ body: (Bench) async throws -> Void) async throws {
    try await withState { state, _ in try await body(Bench(state)) }
  }

  private static let agreed = Registration(emails: ["a@example.com"], terms: .agreed)

  @Test func `the first use registers an account, the second sends no request`() async throws {
    try await withBench { bench in
      let (record, account) = try await bench.keeper.account(Self.agreed)
      #expect(bench.ca.accountURLs == [account.url])
      #expect(bench.ca.contacts(of: account.url) == ["mailto:a@example.com"])
      let stored = try bench.stored
      #expect(stored?.record == record)
      #expect(record.url == account.url)
      #expect(record.termsAgreed && record.termsOfService == "https://ca.test/terms")
      bench.ca.resetLog()
      let again = try await bench.keeper.account(Registration())
      #expect(again.1.url == account.url)
      #expect(bench.ca.count() == 0)
    }
  }

  @Test func `without agreement to the terms no key is generated`() async throws {
    try await withBench { bench in
      let error = await failure { try await bench.keeper.account(Registration()) }
      #expect(error?.code == .termsNotAgreed)
      #expect(error?.exitCode == 64)
      expectError(error, mentions: "https://ca.test/terms", hint: "--agree-tos")
      let kept = try await bench.store.all()
      #expect(kept.isEmpty)
      #expect(bench.ca.count(.newAccount) == 0)
    }
  }

  @Test(arguments: [true, false])
  func `the user is prompted with the URL of the terms`(_ answer: Bool) async throws {
    try await withBench { bench in
      let asked = Recorder<String>()
      let registration = Registration(
        terms: .ask { url in
          asked.add(url)
          return answer
        })
      let error = await failure { try await bench.keeper.account(registration) }
      #expect(asked.all == ["https://ca.test/terms"])
      #expect((error == nil) == answer)
      let stored = try bench.stored
      #expect((stored != nil) == answer)
    }
  }

  @Test func `registering again with other contacts updates them at the CA`() async throws {
    try await withBench { bench in
      let (_, account) = try await bench.keeper.account(Self.agreed)
      bench.ca.resetLog()
      _ = try await bench.keeper.registerAgain(Self.agreed)
      #expect(bench.ca.count(.newAccount) == 1)
      let asked = bench.ca.count()
      let other = Registration(emails: ["b@example.com"], terms: .agreed)
      let (record, same) = try await bench.keeper.registerAgain(other)
      #expect(same.url == account.url)
      #expect(record.contacts == ["mailto:b@example.com"])
      #expect(bench.ca.contacts(of: account.url) == ["mailto:b@example.com"])
      #expect(bench.ca.count() == 2 * asked + 1)
    }
  }

  @Test func `a CA without terms causes no prompt`() async throws {
    try await withBench { bench in
      bench.ca.configure { $0.termsOfService = nil }
      let (record, _) = try await bench.keeper.account(
        Registration(
          terms: .ask { _ in
            Issue.record("asked")
            return false
          }))
      #expect(record.url != nil)
    }
  }

  @Test func `an invalid e-mail address fails before any request`() async throws {
    try await withBench { bench in
      let error = await failure {
        try await bench.keeper.account(Registration(emails: ["nobody"], terms: .agreed))
      }
      #expect(error?.code == .usage)
      #expect(bench.ca.count() == 0)
      let kept = try await bench.store.all()
      #expect(kept.isEmpty)
    }
  }

  @Test func `a registration whose response was lost resumes with the same key`() async throws {
    try await withBench { bench in
      bench.ca.inject(.refuseConnection, on: .newAccount, times: 100)
      let error = await failure { try await bench.keeper.account(Self.agreed) }
      #expect(error?.exitCode == 75)
      let half = try bench.stored
      let key = try #require(half).key
      #expect(half?.record.url == nil)
      let fresh = try Bench(bench.store.state)
      let (_, account) = try await fresh.keeper.account(Registration())
      #expect(account.key.publicKey == key.publicKey)
      await #expect(try fresh.store.all().count == 1)
    }
  }

  @Test func `an external account is bound and its key ID saved`() async throws {
    try await withBench { bench in
      let key = [UInt8](repeating: 7, count: 32)
      bench.ca.configure {
        $0.requiresExternalAccount = true
        $0.externalAccounts = ["kid-1": key]
      }
      let missing = await failure { try await bench.keeper.account(Self.agreed) }
      #expect(missing?.exitCode == 1)
      #expect(missing?.hint?.isEmpty == false)
      let wrong = Registration(
        terms: .agreed, externalAccount: ExternalAccount(keyID: "kid-1", hmacKey: [1, 2, 3]))
      #expect(await failure { try await bench.keeper.account(wrong) } != nil)
      let right = Registration(
        terms: .agreed, externalAccount: ExternalAccount(keyID: "kid-1", hmacKey: key))
      let (record, _) = try await bench.keeper.account(right)
      #expect(record.externalAccount == "kid-1")
      await #expect(try bench.store.all().count == 1)
    }
  }

  @Test func `without an account the error says how to register one`() async throws {
    try await withBench { bench in
      let error = await failure { try await bench.keeper.existingAccount() }
      expectError(error, code: .notFound, hint: "certctl account register")
      #expect(bench.ca.count() == 0)
    }
  }

  @Test func `a rollover changes the key locally and at the CA`() async throws {
    try await withBench { bench in
      let (_, old) = try await bench.keeper.account(Self.agreed)
      let (_, new) = try await bench.keeper.rollOver(to: .ec384)
      #expect(new.url == old.url)
      #expect(new.key.type == .ec384)
      let found = try bench.stored
      let stored = try #require(found)
      #expect(stored.key.publicKey == new.key.publicKey && stored.nextKey == nil)
      let (_, existing) = try await bench.keeper.existingAccount()
      _ = try await existing.resource()
    }
  }

  @Test func `a rollover refused by the CA keeps the old key`() async throws {
    try await withBench { bench in
      let (_, old) = try await bench.keeper.account(Self.agreed)
      bench.ca.inject(.problem("malformed", status: 400), on: .keyChange)
      #expect(await failure { try await bench.keeper.rollOver(to: .ec256) } != nil)
      let found = try bench.stored
      let stored = try #require(found)
      #expect(stored.nextKey == nil && stored.key.publicKey == old.key.publicKey)
    }
  }

  @Test(arguments: [true, false])
  func `an interrupted rollover is resolved by querying the CA`(_ wasDone: Bool) async throws {
    try await withBench { bench in
      let (record, old) = try await bench.keeper.account(Self.agreed)
      // After a crash the next key is on disk and perhaps at the CA.
      let next = try PrivateKey.generate(.ec256)
      try await bench.store.saveNextKey(next, of: record)
      if wasDone { _ = try await old.changeKey(to: next) }
      let (_, settled) = try await bench.keeper.account(Registration())
      let expected = wasDone ? next : old.key
      #expect(settled.key.publicKey == expected.publicKey)
      #expect(settled.url == old.url)
      let found = try bench.stored
      let stored = try #require(found)
      #expect(stored.nextKey == nil && stored.key.publicKey == expected.publicKey)
      _ = try await settled.resource()
    }
  }

  @Test func `if the CA knows neither key, the error says so and both keys stay`() async throws {
    try await withBench { bench in
      let (record, _) = try await bench.keeper.account(Self.agreed)
      try await bench.store.saveNextKey(PrivateKey.generate(.ec256), of: record)
      bench.ca.forgetAccounts()
      let error = await failure { try await bench.keeper.existingAccount() }
      expectError(error, code: .authority, hint: "--local")
      let stored = try bench.stored
      #expect(stored?.nextKey != nil)
    }
  }

  @Test func `an account unknown to the CA is registered again with its key`() async throws {
    try await withBench { bench in
      let (_, old) = try await bench.keeper.account(Self.agreed)
      bench.ca.forgetAccounts()
      let (record, account) = try await bench.keeper.registerAgain(Registration())
      #expect(account.key.publicKey == old.key.publicKey)
      #expect(bench.ca.accountURLs == [account.url])
      #expect(record.url == account.url)
      await #expect(try bench.store.all().count == 1)
    }
  }

  @Test func `a held lock fails after the lock timeout`() async throws {
    try await withBench { bench in
      let folder = try AccountStore.authorityFolder(for: bench.ca.directoryURL)
      let lock = try await bench.store.state.lock(
        "account-\(folder)", wait: .zero, clock: bench.clock.wall)
      defer { lock.release() }
      let error = await failure { try await bench.keeper.account(Self.agreed) }
      #expect(error?.code == .locked)
      #expect(error?.exitCode == 75)
    }
  }
}
