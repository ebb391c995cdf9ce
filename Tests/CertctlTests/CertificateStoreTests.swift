import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlStore

struct CertificateStoreTests {
  private let ca: TestCA

  init() throws { ca = try TestCA(now: TestClock().now) }

  private func mode(_ path: String) -> Int {
    var status = stat()
    return lstat(path, &status) == 0 ? Int(status.st_mode & 0o7777) : -1
  }

  @Test func `the first commit makes a certificate live`() async throws {
    try await withState { state, folder in
      let store = CertificateStore(state: state)
      let certificate = try issued(ca, "example.com")
      let generation = try store.commit(certificate, to: exampleName, files: FileSettings())
      #expect(generation.number == 1)
      #expect(try store.liveGeneration(exampleName) == generation)
      let live = "state/live/example.com"
      #expect(folder.read("\(live)/cert.pem") == text(certificate.chain[0]))
      #expect(folder.read("\(live)/chain.pem") == text(certificate.chain[1]))
      #expect(folder.read("\(live)/fullchain.pem") == certificate.chain.map(text).joined())
      let key = try PrivateKey(pem: Array(#require(folder.read("\(live)/privkey.pem")).utf8))
      #expect(certificate.leaf.matches(key))
      #expect(try state.live.linkTarget("example.com") == "../archive/example.com/0001")
    }
  }

  private func text(_ certificate: Certificate) -> String {
    String(decoding: certificate.pem, as: UTF8.self)
  }

  @Test func `files and folders get the requested modes`() async throws {
    try await withState { state, folder in
      let store = CertificateStore(state: state)
      _ = try store.commit(
        issued(ca, "example.com"), to: exampleName, files: FileSettings(keyMode: "0640"))
      let generation = "state/archive/example.com/0001"
      #expect(mode(folder.path(generation)) == 0o750)
      #expect(mode(folder.path("\(generation)/privkey.pem")) == 0o640)
      for file in ["cert", "chain", "fullchain"] {
        #expect(mode(folder.path("\(generation)/\(file).pem")) == 0o644)
      }
      for name in ["", "/live", "/archive", "/archive/example.com"] {
        #expect(mode(folder.path("state\(name)")) == 0o711)
      }
      _ = try store.commit(issued(ca, "example.com"), to: exampleName, files: FileSettings())
      #expect(mode(folder.path("state/archive/example.com/0002")) == 0o700)
      #expect(mode(folder.path("state/archive/example.com/0002/privkey.pem")) == 0o600)
    }
  }

  @Test func `each new certificate gets its own generation, old ones stay`() async throws {
    try await withState { state, _ in
      let store = CertificateStore(state: state)
      for number in 1...3 {
        let generation = try store.commit(
          issued(ca, "example.com"), to: exampleName, files: FileSettings())
        #expect(generation.number == number)
      }
      #expect(try store.generations(exampleName).map(\.number) == [1, 2, 3])
      // After the first commit only `use` changes the live generation.
      #expect(try store.liveGeneration(exampleName)?.number == 1)
      for generation in try store.generations(exampleName) {
        let stored = try store.load(generation, of: exampleName)
        #expect(stored.isPair)
      }
    }
  }

  @Test func `committing the same certificate twice creates one generation`() async throws {
    try await withState { state, _ in
      let store = CertificateStore(state: state)
      let certificate = try issued(ca, "example.com")
      let first = try store.commit(certificate, to: exampleName, files: FileSettings())
      // The state after a crash between the renames of the folder and the link.
      try state.live.remove("example.com")
      let again = try store.commit(certificate, to: exampleName, files: FileSettings())
      #expect(first == again)
      #expect(try store.generations(exampleName).count == 1)
      #expect(try store.liveGeneration(exampleName) == first)
    }
  }

  @Test func `the next number is the highest present plus one`() async throws {
    try await withState { state, folder in
      let store = CertificateStore(state: state)
      _ = try store.commit(issued(ca, "example.com"), to: exampleName, files: FileSettings())
      try folder.makeFolder("state/archive/example.com/0041")
      try folder.makeFolder("state/archive/example.com/99")
      try folder.makeFolder("state/archive/example.com/0042.bak")
      let next = try store.commit(issued(ca, "example.com"), to: exampleName, files: FileSettings())
      #expect(next.number == 42)
    }
  }

  @Test func `generation folders have four digits or more`() {
    #expect(Generation(number: 7).folderName == "0007")
    #expect(Generation(number: 12345).folderName == "12345")
    #expect(Generation(folderName: "0007")?.number == 7)
    #expect(Generation(folderName: "12345")?.number == 12345)
    for name in ["7", "00007", "0000", "-001", ".tmp-0001", "0001.bak", ""] {
      #expect(Generation(folderName: name) == nil, "\(name)")
    }
  }

  @Test func `files left half-written by a crash are swept`() async throws {
    try await withState { state, folder in
      let store = CertificateStore(state: state)
      try folder.write("state/archive/example.com/.tmp-0001/privkey.pem", "half")
      try folder.write("state/live/.tmp-0000000000001-example.com", "half")
      // Another process is about to rename this one.
      try folder.write("state/live/.tmp-0000000000002-example.org", "under way")
      // Every change of a lineage does this first, under its lock.
      state.sweep(exampleName)
      _ = try store.commit(issued(ca, "example.com"), to: exampleName, files: FileSettings())
      #expect(!folder.contains("state/archive/example.com/.tmp-0001"))
      #expect(!folder.contains("state/live/.tmp-0000000000001-example.com"))
      #expect(folder.contains("state/live/.tmp-0000000000002-example.org"))
      #expect(try state.live.entries() == ["example.com"])
    }
  }

  @Test func `a key that does not match is refused, the old certificate stays`() async throws {
    try await withState { state, _ in
      let store = CertificateStore(state: state)
      let good = try issued(ca, "example.com")
      _ = try store.commit(good, to: exampleName, files: FileSettings())
      let other = try issued(ca, "example.com")
      let mixed = try IssuedCertificate(chain: other.chain, key: #require(good.key))
      #expect(throws: CryptoError.self) {
        try store.commit(mixed, to: exampleName, files: FileSettings())
      }
      #expect(try store.generations(exampleName).map(\.number) == [1])
      #expect(try store.liveGeneration(exampleName)?.number == 1)
    }
  }

  @Test func `a rollback changes only the live link`() async throws {
    try await withState { state, folder in
      let store = CertificateStore(state: state)
      let first = try issued(ca, "example.com")
      _ = try store.commit(first, to: exampleName, files: FileSettings())
      _ = try store.commit(issued(ca, "example.com"), to: exampleName, files: FileSettings())
      try store.use(Generation(number: 1), of: exampleName)
      #expect(folder.read("state/live/example.com/cert.pem") == text(first.leaf))
      #expect(try store.generations(exampleName).map(\.number) == [1, 2])
    }
  }

  @Test(arguments: ["/etc/ssl", "../archive/other.com/0001", "../archive/example.com/1", "0001"])
  func `a live link that points elsewhere is reported and left alone`(_ target: String) async throws
  {
    try await withState { state, _ in
      let store = CertificateStore(state: state)
      try state.live.create(FileAttributes(mode: 0o711))
      try state.live.link("example.com", to: target)
      let error = #expect(throws: CertctlError.self) { try store.liveGeneration(exampleName) }
      expectError(error, code: .damagedState, mentions: target)
      #expect(try state.live.linkTarget("example.com") == target)
    }
  }

  @Test func `a missing file is named in the error`() async throws {
    try await withState { state, folder in
      let store = CertificateStore(state: state)
      let generation = try store.commit(
        issued(ca, "example.com"), to: exampleName, files: FileSettings())
      unlink(folder.path("state/archive/example.com/0001/privkey.pem"))
      let error = #expect(throws: CertctlError.self) { try store.load(generation, of: exampleName) }
      expectError(error, code: .damagedState, endsWith: "0001/privkey.pem is missing")
    }
  }

  @Test func `removal deletes the link and all generations`() async throws {
    try await withState { state, folder in
      let store = CertificateStore(state: state)
      _ = try store.commit(issued(ca, "example.com"), to: exampleName, files: FileSettings())
      _ = try store.commit(
        issued(ca, "other.com"), to: try LineageName("other.com"), files: .init())
      try store.remove(exampleName)
      #expect(!folder.contains("state/live/example.com"))
      #expect(!folder.contains("state/archive/example.com"))
      #expect(folder.contains("state/live/other.com/privkey.pem"))
      try store.remove(exampleName)
    }
  }
}
