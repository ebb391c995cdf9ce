import CertctlCrypto
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlStore

struct AccountStoreTests {
  static let directory = "https://ca.test/dir"

  private func record(_ id: String, _ directory: String = Self.directory) -> AccountRecord {
    AccountRecord(
      id: id, directory: directory, contacts: ["mailto:a@example.com"], termsAgreed: true,
      created: TestClock().now)
  }

  @Test func `an account is loaded with its key`() async throws {
    try await withState { state, _ in
      let store = AccountStore(state: state)
      #expect(try store.account(for: Self.directory) == nil)
      let key = try PrivateKey.generate(.ec256)
      _ = try store.create(record("one"), key: key)
      var stored = try #require(try store.account(for: Self.directory))
      #expect(stored.record == record("one"))
      #expect(stored.key.publicKey == key.publicKey)
      #expect(stored.nextKey == nil)
      stored.record.url = "https://ca.test/acct/1"
      try store.save(stored.record)
      #expect(try store.account(for: Self.directory)?.record.url == "https://ca.test/acct/1")
    }
  }

  @Test func `only the owner can read accounts`() async throws {
    try await withState { state, folder in
      _ = try AccountStore(state: state).create(record("one"), key: .generate(.ec256))
      let authority = try AccountStore.authorityFolder(for: Self.directory)
      for (path, mode) in [
        ("", 0o700), ("/\(authority)", 0o700), ("/\(authority)/one", 0o700),
        ("/\(authority)/one/key.pem", 0o600), ("/\(authority)/one/account.json", 0o600),
      ] {
        var status = stat()
        #expect(lstat(folder.path("state/accounts\(path)"), &status) == 0)
        #expect(Int(status.st_mode & 0o7777) == mode, "\(path)")
      }
    }
  }

  @Test func `each directory URL has its own folder`() throws {
    let urls = [
      "https://ca.test/dir", "https://ca.test/other", "https://ca.test:8443/dir",
      "https://127.0.0.1:14000/dir", "https://[::1]:14000/dir",
    ]
    let folders = try urls.map { try AccountStore.authorityFolder(for: $0) }
    #expect(Set(folders).count == urls.count)
    #expect(folders[0].hasPrefix("ca.test-"))
    for folder in folders {
      #expect(!folder.contains("/") && !folder.contains(":") && !folder.hasPrefix("."))
    }
  }

  @Test func `a deactivated account is kept but not used again`() async throws {
    try await withState { state, _ in
      let store = AccountStore(state: state)
      var first = record("one")
      _ = try store.create(first, key: .generate(.ec256))
      first.deactivated = TestClock().now
      try store.save(first)
      #expect(try store.account(for: Self.directory) == nil)
      _ = try store.create(record("two"), key: .generate(.ec256))
      #expect(try store.account(for: Self.directory)?.record.id == "two")
      #expect(try store.account("one", for: Self.directory)?.record.deactivated != nil)
      #expect(try store.all().map(\.record.id) == ["one", "two"])
    }
  }

  @Test func `an incomplete account is ignored and swept`() async throws {
    try await withState { state, folder in
      let store = AccountStore(state: state)
      let authority = try AccountStore.authorityFolder(for: Self.directory)
      try folder.write("state/accounts/\(authority)/.tmp-zero/key.pem", "half")
      #expect(try store.account(for: Self.directory) == nil)
      // Every use of an account does this first, under the CA's account lock.
      state.sweepAccounts(of: authority)
      #expect(!folder.contains("state/accounts/\(authority)/.tmp-zero"))
      _ = try store.create(record("one"), key: .generate(.ec256))
      #expect(try store.account(for: Self.directory)?.record.id == "one")
    }
  }

  @Test func `a rollover keeps both keys until it completes or is dropped`() async throws {
    try await withState { state, _ in
      let store = AccountStore(state: state)
      let old = try PrivateKey.generate(.ec256)
      let new = try PrivateKey.generate(.ec256)
      _ = try store.create(record("one"), key: old)
      try store.saveNextKey(new, of: record("one"))
      #expect(try store.account(for: Self.directory)?.nextKey?.publicKey == new.publicKey)
      try store.dropNextKey(of: record("one"))
      var stored = try #require(try store.account(for: Self.directory))
      #expect(stored.nextKey == nil && stored.key.publicKey == old.publicKey)
      try store.saveNextKey(new, of: record("one"))
      try store.adoptNextKey(of: record("one"))
      stored = try #require(try store.account(for: Self.directory))
      #expect(stored.nextKey == nil && stored.key.publicKey == new.publicKey)
    }
  }

  @Test(arguments: ["key.pem", "account.json"])
  func `a damaged account is reported and not replaced`(_ file: String) async throws {
    try await withState { state, folder in
      let store = AccountStore(state: state)
      _ = try store.create(record("one"), key: .generate(.ec256))
      let authority = try AccountStore.authorityFolder(for: Self.directory)
      let path = try folder.write("state/accounts/\(authority)/one/\(file)", "rubbish")
      var error = #expect(throws: CertctlError.self) { try store.account(for: Self.directory) }
      expectError(error, code: .damagedState, mentions: "accounts/\(authority)/one")
      unlink(path)
      error = #expect(throws: CertctlError.self) { try store.account(for: Self.directory) }
      #expect(error?.code == .damagedState)
    }
  }
}
