import CertctlSystem
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlStore

struct TransactionTests {
  private let shown = FileAttributes(mode: 0o644)

  /// Runs a test with a state directory and changes to a folder with two files and a link.
  private func withTree(
    _ body: (StateDirectory, TemporaryFolder, [FileChange]) async throws -> Void
  ) async throws {
    try await withTemporaryFolder(label: "transaction") { folder in
      try folder.write("tree/a.conf", "old a")
      try folder.write("tree/gone.conf", "to be removed")
      try FileManager.default.createSymbolicLink(
        atPath: folder.path("tree/link"), withDestinationPath: "a.conf")
      let changes = [
        FileChange(folder.path("tree/new"), .folder(FileAttributes(mode: 0o755))),
        FileChange(folder.path("tree/a.conf"), .file(Array("new a".utf8), shown)),
        FileChange(folder.path("tree/new/b.conf"), .file(Array("new b".utf8), shown)),
        FileChange(folder.path("tree/link"), .link("new/b.conf")),
        FileChange(folder.path("tree/gone.conf"), .absent),
      ]
      try await body(StateDirectory(path: folder.path("state")), folder, changes)
    }
  }

  /// Returns the tree: files with their contents, links with their targets.
  private func contents(_ folder: TemporaryFolder) throws -> [String: String] {
    var found: [String: String] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path("tree")) {
      let path = folder.path("tree/\(name)")
      if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
        found[name] = "-> \(target)"
      } else {
        found[name] = folder.read("tree/\(name)") ?? "folder"
      }
    }
    return found
  }

  private func begin(_ changes: [FileChange], _ state: StateDirectory) throws -> Transaction {
    try Transaction.begin(
      changes, servers: [.init(executable: "/usr/sbin/nginx", options: ["-c", "/x"])], in: state,
      now: Date())
  }

  @Test func `applied changes can be undone`() async throws {
    try await withTree { state, folder, changes in
      let before = try contents(folder)
      let transaction = try begin(changes, state)
      #expect(try contents(folder) == before)
      try transaction.apply(changes)
      #expect(
        try contents(folder) == [
          "a.conf": "new a", "new": "folder", "new/b.conf": "new b", "link": "-> new/b.conf",
        ])
      #expect(try transaction.undo() == [])
      #expect(try contents(folder) == before)
      try transaction.finish()
      let left = try Transaction.unfinished(in: state).left
      #expect(left.isEmpty)
    }
  }

  @Test func `the next run finds an unfinished transaction with its servers`() async throws {
    try await withTree { state, folder, changes in
      let before = try contents(folder)
      try begin(changes, state).apply(changes)
      let left = try Transaction.unfinished(in: state).left
      #expect(left.count == 1)
      #expect(left.first?.record.servers.first?.options == ["-c", "/x"])
      try left.first?.undo()
      #expect(try contents(folder) == before)
    }
  }

  @Test func `the newer of two unfinished transactions is undone first`() async throws {
    try await withTree { state, folder, changes in
      let before = try contents(folder)
      let first = try Transaction.begin(
        changes, servers: [], in: state, now: Date(timeIntervalSince1970: 1_700_000_000))
      try first.apply(changes)
      let more = [FileChange(folder.path("tree/a.conf"), .file(Array("third".utf8), shown))]
      let second = try Transaction.begin(
        more, servers: [], in: state, now: Date(timeIntervalSince1970: 1_600_000_000))
      try second.apply(more)
      let left = try Transaction.unfinished(in: state).left
      #expect(left.map(\.id) == [second.id, first.id])
      for transaction in left { #expect(try transaction.undo() == []) }
      #expect(try contents(folder) == before)
    }
  }

  @Test func `a file that others changed meanwhile is kept and named`() async throws {
    try await withTree { state, folder, changes in
      let transaction = try begin(changes, state)
      try transaction.apply(changes)
      try folder.write("tree/a.conf", "by hand")
      #expect(try transaction.undo() == [folder.path("tree/a.conf")])
      #expect(folder.read("tree/a.conf") == "by hand")
      #expect(folder.read("tree/gone.conf") == "to be removed")
    }
  }

  @Test func `undo can be limited to some paths`() async throws {
    try await withTree { state, folder, changes in
      let transaction = try begin(changes, state)
      try transaction.apply(changes)
      try transaction.undo(only: [folder.path("tree/a.conf")])
      #expect(folder.read("tree/a.conf") == "old a")
      #expect(folder.read("tree/new/b.conf") == "new b")
    }
  }

  @Test func `a created folder that contains others' files is kept`() async throws {
    try await withTree { state, folder, changes in
      let transaction = try begin(changes, state)
      try transaction.apply(changes)
      try folder.write("tree/new/theirs", "theirs")
      try transaction.undo()
      #expect(folder.read("tree/new/theirs") == "theirs")
      #expect(folder.read("tree/new/b.conf") == nil)
    }
  }

  @Test func `undo restores the mode of a file`() async throws {
    try await withTree { state, folder, _ in
      let path = folder.path("tree/a.conf")
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      let changes = [FileChange(path, .file(Array("new".utf8), shown))]
      let transaction = try begin(changes, state)
      try transaction.apply(changes)
      #expect(try Transaction.state(at: path).mode == 0o644)
      try transaction.undo()
      #expect(try Transaction.state(at: path).mode == 0o600)
    }
  }

  @Test func `a transaction without a record file is removed`() async throws {
    try await withTree { state, folder, _ in
      try folder.write("state/transactions/2026-01-01T000000Z-1/0", "half a copy")
      let left = try Transaction.unfinished(in: state).left
      #expect(left.isEmpty)
      let entries = try state.folder("transactions").entries()
      #expect(entries.isEmpty)
    }
  }

  @Test func `a damaged record is named and kept, and does not stop the others`() async throws {
    try await withTree { state, folder, changes in
      let before = try contents(folder)
      try begin(changes, state).apply(changes)
      try folder.write("state/transactions/000009-x/record.json", "{")
      let found = try Transaction.unfinished(in: state)
      #expect(found.damaged.count == 1)
      expectError(found.damaged.first, mentions: "000009-x")
      for transaction in found.left { try transaction.undo() }
      #expect(try contents(folder) == before)
      #expect(folder.read("state/transactions/000009-x/record.json") == "{")
    }
  }

  @Test func `a change to a special file is refused`() async throws {
    try await withTree { state, folder, _ in
      #expect(mkfifo(folder.path("tree/pipe"), 0o600) == 0)
      let change = FileChange(folder.path("tree/pipe"), .absent)
      #expect(throws: CertctlError.self) { _ = try begin([change], state) }
      let left = try state.folder("transactions").entries()
      #expect(left.isEmpty)
    }
  }
}
