import Glibc
import TestSupport
import Testing

extension CrashTests {
  /// A disk that is really full: a small file system, with more free space in each round.
  @Suite(
    .timeLimit(.minutes(30)),
    .requires("pebble", "pebble-challtestsrv", "nginx", "openssl", "curl", "mount", "umount"))
  struct CrashRealDiskTests {
    private static let page = 4096

    @Test(.needsRoot("an ordinary user cannot mount a file system"))
    func `a first issue on a nearly full disk fails with a clear error or succeeds`()
      async throws
    {
      let failures = Mutexed(0)
      try await CrashLab.run { lab in
        // Each file takes a page; an issue fits in fewer than 30.
        for pages in 0..<30 {
          let run = try lab.freshCase("room for \(pages) pages")
          try await onSmallDisk(run.folder, in: lab) {
            try fill(run.folder, leaving: pages)
            let result = try await run.certctl(lab.issue)
            let leaf = try run.expectLivePairOrNone()
            if result.exitCode != 0 {
              failures.change { $0 += 1 }
              #expect(result.exitCode == 1, "\(run.label): \(result)")
              let words = result.standardError
              #expect(
                words.contains("no space left on device") && words.contains(run.state)
                  && words.contains("hint: free some disk space"), "\(run.label): \(result)")
            } else {
              #expect(leaf != nil, "\(run.label): \(result)")
            }
            run.expectNothingPresented()
            TemporaryFolder(existing: run.folder).remove("filler")
            try await run.expectList(leaf: leaf)
            try await run.certctl(lab.issue).requireSuccess("\(run.label): again with space")
            #expect(try run.expectLivePairOrNone() != nil, "\(run.label)")
            run.expectTidy()
            run.expectOneAccount()
            #expect(run.ledger().serials.count == 1, "\(run.label): certificates made")
          }
        }
      }
      // Some runs fail and some succeed.
      #expect((5..<30).contains(failures.change { $0 }))
    }

    /// Runs `body` with a small file system mounted on the folder.
    private func onSmallDisk(
      _ folder: String, in lab: CrashLab, _ body: () async throws -> Void
    ) async throws {
      try lab.nginx.folder.makeFolder(String(folder.dropFirst(lab.nginx.folder.path.count + 1)))
      try await Program(
        "mount", ["-t", "tmpfs", "-o", "size=512k,mode=700", "certctl-test", folder]
      )
      .run().requireSuccess("mount")
      let result: Result<Void, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      try await Program("umount", ["-l", folder]).run().requireSuccess("umount")
      try result.get()
    }

    /// Fills the disk except for `pages` pages.
    private func fill(_ folder: String, leaving pages: Int) throws {
      let file = open("\(folder)/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      guard file >= 0 else { throw HarnessError("cannot make \(folder)/filler") }
      defer { close(file) }
      let block = [UInt8](repeating: 0, count: Self.page)
      var size = 0
      while write(file, block, block.count) == block.count { size += block.count }
      guard ftruncate(file, off_t(max(0, size - pages * Self.page))) == 0 else {
        throw HarnessError("cannot shorten \(folder)/filler")
      }
    }
  }
}
