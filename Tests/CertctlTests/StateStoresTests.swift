import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlStore

struct StateStoresTests {
  // MARK: - Lineages

  @Test func `a lineage is read as it was stored`() async throws {
    try await withState { state, folder in
      let store = LineageStore(state: state)
      #expect(try store.lineage(exampleName) == nil)
      var lineage = Lineage(name: "example.com", settings: settings("example.com", "*.example.com"))
      lineage.issuance = .init(
        directory: "https://ca.test/dir", account: "1", settings: settings("example.com"),
        date: TestClock().now, revoked: ["ab": TestClock().now])
      lineage.lastFailure = .init(date: TestClock().now, message: "no luck")
      try store.save(lineage)
      #expect(try store.lineage(exampleName) == lineage)
      let json = try #require(
        JSONValue(Array(folder.read("state/lineages/example.com.json")?.utf8 ?? "".utf8)))
      #expect(json["version"].number == 1)
      try store.remove(exampleName)
      #expect(try store.lineage(exampleName) == nil)
    }
  }

  @Test func `names are sorted, and other files are ignored`() async throws {
    try await withState { state, folder in
      let store = LineageStore(state: state)
      #expect(try store.names() == [])
      for name in ["b.test", "a.test"] {
        try store.save(Lineage(name: name, settings: settings(name)))
      }
      try folder.write("state/lineages/.a.test.json.swp", "x")
      try folder.write("state/lineages/notes.txt", "x")
      try folder.write("state/lineages/-x.json", "x")
      #expect(try store.names().map(\.value) == ["a.test", "b.test"])
    }
  }

  static let damage = [
    "", "{", "[]", "{}", #"{"version":1}"#, #"{"version":"1","name":"example.com"}"#, "\u{0}\u{0}",
  ]

  @Test(arguments: damage)
  func `a damaged file is named in the error and left unchanged`(_ text: String) async throws {
    try await withState { state, folder in
      let path = try folder.write("state/lineages/example.com.json", text)
      let error = #expect(throws: CertctlError.self) {
        try LineageStore(state: state).lineage(exampleName)
      }
      expectError(error, code: .damagedState, mentions: path)
      #expect(readText(path) == text)
    }
  }

  @Test func `a file from a newer certctl is refused`() async throws {
    try await withState { state, folder in
      try folder.write("state/lineages/example.com.json", #"{"version":2,"new":true}"#)
      let error = #expect(throws: CertctlError.self) {
        try LineageStore(state: state).lineage(exampleName)
      }
      expectError(error, code: .damagedState, mentions: "version 2", hint: "newer")
    }
  }

  // MARK: - Pending orders

  private func order(_ url: String) -> PendingOrder {
    PendingOrder(
      url: url, directory: "https://ca.test/dir", account: "1", settings: settings("example.com"),
      date: TestClock().now)
  }

  @Test func `a pending order is read with its key and CSR`() async throws {
    try await withState { state, _ in
      let store = PendingStore(state: state)
      #expect(try store.order(of: exampleName) == nil)
      try store.begin(order("https://ca.test/order/1"), of: exampleName)
      #expect(try store.order(of: exampleName) == order("https://ca.test/order/1"))
      #expect(try store.request(of: exampleName) == nil)
      let key = try PrivateKey.generate(.ec256)
      let request = try CertificateRequest(key: key, dnsNames: ["example.com"], ipAddresses: [])
      try store.keep(key, request, of: exampleName)
      let kept = try #require(try store.request(of: exampleName))
      #expect(kept.key?.publicKey == key.publicKey)
      #expect(kept.request.der == request.der)
      try store.discard(exampleName)
      #expect(try store.order(of: exampleName) == nil)
      #expect(try store.request(of: exampleName) == nil)
      try store.discard(exampleName)
    }
  }

  @Test func `a new order discards the previous key`() async throws {
    try await withState { state, _ in
      let store = PendingStore(state: state)
      try store.begin(order("https://ca.test/order/1"), of: exampleName)
      let key = try PrivateKey.generate(.ec256)
      try store.keep(
        key, CertificateRequest(key: key, dnsNames: ["example.com"], ipAddresses: []),
        of: exampleName)
      try store.begin(order("https://ca.test/order/2"), of: exampleName)
      #expect(try store.order(of: exampleName)?.url == "https://ca.test/order/2")
      #expect(try store.request(of: exampleName) == nil)
    }
  }

  @Test func `a key without its CSR is not used`() async throws {
    try await withState { state, folder in
      let store = PendingStore(state: state)
      try store.begin(order("https://ca.test/order/1"), of: exampleName)
      let key = try PrivateKey.generate(.ec256)
      try store.keep(
        key, CertificateRequest(key: key, dnsNames: ["example.com"], ipAddresses: []),
        of: exampleName)
      unlink(folder.path("state/pending/example.com/request.pem"))
      #expect(try store.request(of: exampleName) == nil)
    }
  }

  // MARK: - Journal

  @Test func `the journal keeps challenges until it is cleared`() async throws {
    try await withState { state, folder in
      let journal = ChallengeJournal(state: state)
      #expect(try journal.challenges(of: exampleName) == [])
      let challenges = [
        PresentedChallenge(
          identifier: .dns("example.com"), keyAuthorization: KeyAuthorization("t.k"))
      ]
      try journal.record(challenges, of: exampleName)
      #expect(try journal.challenges(of: exampleName) == challenges)
      #expect(try journal.challenges(of: try LineageName("other.com")) == [])
      #expect(folder.read("state/journal/example.com.json")?.contains("/") == false)
      try journal.clear(exampleName)
      #expect(try journal.challenges(of: exampleName) == [])
      try journal.clear(exampleName)
    }
  }

  @Test func `the journal format of earlier versions is kept`() async throws {
    try await withState { state, folder in
      let journal = ChallengeJournal(state: state)
      try state.create()
      try folder.write(
        "state/journal/example.com.json",
        #"""
        {"challenges":[
          {"identifier":{"type":"dns","value":"example.com"},"keyAuthorization":"t.k","token":"t"},
          {"identifier":{"type":"dns","value":"b.test"},"keyAuthorization":"","token":"",
           "type":"dns-persist-01","account":"https://ca.test/1","issuers":["ca.test"]},
          {"identifier":{"type":"dns","value":"c.test"},"keyAuthorization":"../c.k","token":"../c"},
          {"identifier":{"type":"dns","value":"d.test"},"keyAuthorization":"u.k","token":"t"}
        ],"version":1}
        """#)
      let known = PresentedChallenge(
        identifier: .dns("example.com"), keyAuthorization: KeyAuthorization("t.k"))
      let read = try journal.challenges(of: exampleName)
      #expect(read.first == known)
      #expect(read.map(\.keyAuthorization?.string) == ["t.k", nil, nil, nil])
      #expect(read[1].issuers == ["ca.test"] && read[1].account == "https://ca.test/1")
      try journal.keep([], of: exampleName)
      try journal.record([known], of: exampleName)
      let text = try #require(folder.read("state/journal/example.com.json"))
      let words = text.filter { !$0.isWhitespace }
      #expect(words.contains(#""token":"t""#) && words.contains(#""keyAuthorization":"t.k""#))
      #expect(try journal.challenges(of: exampleName) == [known])
    }
  }

  @Test func `challenges left by an earlier run stay in the journal`() async throws {
    try await withState { state, folder in
      let journal = ChallengeJournal(state: state)
      func group(_ token: String, _ provider: String) -> ChallengeJournal.Group {
        .init(
          challenges: [
            PresentedChallenge(
              identifier: .dns("example.com"), keyAuthorization: KeyAuthorization("\(token).k"))
          ], dns: DNSSettings(provider: provider))
      }
      func record(_ group: ChallengeJournal.Group) throws {
        try journal.record(group.challenges, by: group.dns, of: exampleName)
      }
      let (first, second) = (group("a", "one"), group("b", "two"))
      try record(first)
      try record(second)
      #expect(try journal.groups(of: exampleName) == [first, second])
      try journal.clear(exampleName)
      #expect(try journal.groups(of: exampleName) == [first])
      for number in 1...30 { try record(group("t\(number)", "three")) }
      #expect(try journal.groups(of: exampleName).count == 21)
      try journal.keep([], of: exampleName)
      #expect(folder.read("state/journal/example.com.json") == nil)
    }
  }

  // MARK: - Directory cache

  private var directory: Directory {
    get throws {
      try JSONDecoder().decode(
        Directory.self,
        from: Data(
          #"{"newNonce":"https://ca.test/n","newAccount":"https://ca.test/a","newOrder":"https://ca.test/o"}"#
            .utf8))
    }
  }

  @Test func `a cached directory is valid for a day`() async throws {
    try await withState { state, _ in
      let clock = TestClock()
      let cache = DirectoryFileCache(state: state, clock: clock.wall)
      let url = "https://ca.test/dir"
      #expect(await cache.directory(for: url) == nil)
      await cache.store(try directory, for: url)
      #expect(await cache.directory(for: url)?.newOrder == "https://ca.test/o")
      #expect(await cache.directory(for: url + "2") == nil)
      clock.advance(24 * 3600 - 2)
      #expect(await cache.directory(for: url) != nil)
      clock.advance(3)
      #expect(await cache.directory(for: url) == nil)
    }
  }

  @Test func `a cached directory from the future is ignored`() async throws {
    try await withState { state, _ in
      let clock = TestClock()
      let cache = DirectoryFileCache(state: state, clock: clock.wall)
      await cache.store(try directory, for: "https://ca.test/dir")
      clock.advance(-3600)
      #expect(await cache.directory(for: "https://ca.test/dir") == nil)
    }
  }

  @Test func `a damaged cache is ignored and replaced`() async throws {
    try await withState { state, folder in
      let cache = DirectoryFileCache(state: state, clock: TestClock().wall)
      await cache.store(try directory, for: "https://ca.test/dir")
      for file in try state.directoryCache.entries() {
        try folder.write("state/cache/directories/\(file)", "{")
      }
      #expect(await cache.directory(for: "https://ca.test/dir") == nil)
      await cache.store(try directory, for: "https://ca.test/dir")
      #expect(await cache.directory(for: "https://ca.test/dir") != nil)
    }
  }

  // MARK: - Events

  @Test func `events are lines of JSON`() async throws {
    try await withState { state, folder in
      try await state.create()
      let log = EventLog(state: state)
      await log.append(Event(time: TestClock().now, event: "issued", lineage: "example.com"))
      await log.append(
        Event(time: TestClock().now, event: "failed", names: ["a"], message: "two\nlines"))
      let lines = try #require(folder.read("state/events.jsonl")).split(separator: "\n")
      #expect(lines.count == 2)
      let events = lines.compactMap { JSONValue(Array($0.utf8)) }
      #expect(events.map { $0["event"].string } == ["issued", "failed"])
      #expect(events[0]["time"].string == TestClock().now.rfc3339)
      #expect(events[1]["message"].string == "two\nlines")
    }
  }

  @Test func `a log that is too large is rotated`() async throws {
    try await withState { state, folder in
      try folder.write("state/events.jsonl", String(repeating: "x", count: EventLog.sizeLimit))
      await EventLog(state: state).append(Event(time: TestClock().now, event: "issued"))
      #expect((folder.read("state/events.jsonl") ?? "").utf8.count < 1000)
      #expect(try state.folder("").entries().count == 2)
    }
  }

  @Test func `an unwritable log is not an error`() async throws {
    try await withState { state, folder in
      try folder.makeFolder("state/events.jsonl")
      await EventLog(state: state).append(Event(time: TestClock().now, event: "issued"))
    }
  }

  // MARK: - Locks

  @Test func `a held lock is a retryable error that names the process`() async throws {
    try await withState { state, _ in
      let lock = try await state.lock("lineage-x", wait: .zero, clock: TestClock().wall)
      defer { lock.release() }
      let clock = TestClock()
      let error = await failure {
        try await state.lock("lineage-x", wait: .seconds(5), clock: clock.wall)
      }
      #expect(error?.code == .locked)
      #expect(error?.exitCode == 75)
      expectError(error, mentions: "\(getpid())")
      #expect(clock.waited >= 4.9)
    }
  }
}
