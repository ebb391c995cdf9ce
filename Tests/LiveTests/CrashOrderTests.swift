import TestSupport
import Testing

extension CrashTests {
  /// The order of writes, syncs, renames and requests, as strace reports it.
  @Suite(
    .timeLimit(.minutes(30)),
    .requires("pebble", "pebble-challtestsrv", "nginx", "openssl", "curl", "strace"))
  struct CrashOrderTests {
    @Test func `each durable file is synced before the next step`()
      async throws
    {
      try await traced { state, log in
        try expectEachFileIsSynced(state, log)
        expectEachRenameIsSynced(state, log)
        try expectCommitOrder(state, log)
        try expectKnownBeforeAsked(state, log)
      }
    }

    /// Expects write, fchmod, fsync and rename, in this order, for each durable file.
    private func expectEachFileIsSynced(_ state: String, _ log: StraceLog) throws {
      let made = log.calls.filter {
        $0.creates && $0.path.hasPrefix(state + "/") && mustSurvive($0.path)
      }
      for file in made {
        let own = log.calls.filter { $0.path == file.path && $0.begin > file.begin }
        #expect(
          own.map(\.name).removingRepeats() == ["write", "fchmod", "fsync", "rename"],
          "\(file.path)")
        #expect(own.zipEndsBeforeNextBegins, "\(file.path)")
      }
      // account.json twice, the lineage three times (last with its deployment), account key, order,
      // journal, key and CSR, four PEM files, cache.
      #expect(made.count == 15, "\(made)")
    }

    /// Expects a sync of the folder after each rename, before the next rename or request.
    private func expectEachRenameIsSynced(_ state: String, _ log: StraceLog) {
      let renames = log.calls.indices.filter {
        log.calls[$0].name == "rename" && log.calls[$0].target.hasPrefix(state + "/")
          && mustSurvive(log.calls[$0].target)
      }
      #expect(renames.count > 20)
      for index in renames {
        let rename = log.calls[index]
        let folder = parent(rename.target)
        let next = log.calls[(index + 1)...].first {
          ["rename", "symlink", "request"].contains($0.name)
            || ($0.name == "fsync" && $0.path == folder)
        }
        #expect(
          next?.name == "fsync" && (next?.begin ?? 0) > rename.end, "\(rename): then \(next as Any)"
        )
      }
    }

    /// Expects the generation to be complete and synced before `live` is switched, which is last.
    private func expectCommitOrder(_ state: String, _ log: StraceLog) throws {
      let generation = "\(state)/archive/example.com/0001"
      let files = ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"]
      let complete = try rename(to: generation, log)
      for file in files {
        let place = try rename(to: "\(state)/archive/example.com/.tmp-0001/\(file)", log)
        #expect(place.end < complete.begin, "\(file)")
      }
      let folderSync = try first(log, after: complete) {
        $0.name == "fsync" && $0.path == parent(generation)
      }
      let live = try rename(to: "\(state)/live/example.com", log)
      let link = try #require(log.calls.first { $0.name == "symlink" })
      #expect(folderSync.end < link.begin && link.end < live.begin)
      let later = log.calls.filter { $0.begin > live.end && $0.name != "fsync" }.map(place)
      #expect(
        !later.contains { $0.hasPrefix("\(state)/archive/") || $0.hasPrefix("\(state)/live/") })
      #expect(later.contains("\(state)/lineages/example.com.json"))
    }

    /// Expects keys and records to be synced before the request that depends on them.
    private func expectKnownBeforeAsked(_ state: String, _ log: StraceLog) throws {
      let pending = "\(state)/pending/example.com"
      let account = try #require(
        log.calls.first {
          $0.name == "rename" && $0.target.hasPrefix("\(state)/accounts/127")
            && $0.path.contains("/.tmp-") && !$0.path.contains("/.tmp-0000000000000-")
            && !$0.target.hasSuffix(".pem") && !$0.target.hasSuffix(".json")
        })
      let pairs: [(StraceLog.Call, String)] = [
        (account, "POST /sign-me-up"),
        (try rename(to: "\(state)/lineages/example.com.json", log), "POST /order-plz"),
        (try rename(to: "\(pending)/order.json", log), "POST /authZ/"),
        (try rename(to: "\(state)/journal/example.com.json", log), "POST /chalZ/"),
        (try rename(to: "\(pending)/privkey.pem", log), "POST /finalize-order/"),
        (try rename(to: "\(pending)/request.pem", log), "POST /finalize-order/"),
      ]
      for (rename, request) in pairs {
        let sync = try first(log, after: rename) {
          $0.name == "fsync" && $0.path == parent(rename.target)
        }
        let asked = try #require(
          log.calls.first { $0.name == "request" && $0.path.hasPrefix(request) }, "\(request)")
        #expect(sync.end < asked.begin, "\(request) left before \(rename.target) was synced")
      }
      // order.json is written after the response to new-order.
      let order = try rename(to: "\(pending)/order.json", log)
      let placed = try #require(log.calls.first { $0.path == "POST /order-plz" })
      #expect(placed.end < order.begin)
    }

    // MARK: - The run

    /// Issues under strace, over HTTP/1.1, which sends nothing but requests.
    private func traced(_ body: (String, StraceLog) throws -> Void) async throws {
      try await CrashLab.run { lab in
        try await LoggingProxy.run(to: lab.pebble, http2: false) { proxy in
          let run = try lab.freshCase("strace")
          let output = "\(run.folder).strace"
          var binary = lab.binary
          binary.environment["CERTCTL_STATE_DIR"] = run.state
          var program = binary.program([
            "issue", CrashLab.name, "--webroot", lab.webroot, "--key-type", "ec256", "--agree-tos",
            "--verbose", "--ca", proxy.directoryURL, "--ca-bundle", proxy.caBundlePath,
          ])
          program.arguments =
            StraceLog.arguments(output: output) + [program.executable] + program.arguments
          program.executable = "strace"
          try await program.run().requireSuccess("certctl under strace")
          let log = StraceLog(text: readText(output) ?? "")
          #expect(
            log.calls.filter { $0.name == "request" }.map { $0.path.split(separator: " ")[0] }
              == proxy.requests.map { Substring($0.method) }, "requests were overlooked")
          try body(run.state, log)
        }
      }
    }

    // MARK: - Looking up

    private func rename(to target: String, _ log: StraceLog) throws -> StraceLog.Call {
      try #require(
        log.calls.first { $0.name == "rename" && $0.target == target }, "no rename to \(target)")
    }

    private func first(
      _ log: StraceLog, after call: StraceLog.Call, where matches: (StraceLog.Call) -> Bool
    ) throws -> StraceLog.Call {
      try #require(log.calls.first { $0.begin > call.end && matches($0) }, "nothing after \(call)")
    }

    private func place(_ call: StraceLog.Call) -> String {
      call.target.isEmpty ? call.path : call.target
    }

    private func parent(_ path: String) -> String {
      path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }

    /// Whether the file must survive a crash.
    ///
    /// The event log, the locks and the cache of verified nginx programs may be lost.
    private func mustSurvive(_ path: String) -> Bool {
      !path.hasSuffix("/events.jsonl") && !path.hasSuffix(".lock")
        && !(path.contains("/cache/") && path.hasSuffix("nginx.json"))
    }
  }
}

extension [StraceLog.Call] {
  /// Whether each call ended before the next one began.
  fileprivate var zipEndsBeforeNextBegins: Bool {
    zip(self, dropFirst()).allSatisfy { $0.end < $1.begin }
  }
}

extension [String] {
  /// Returns the elements without consecutive duplicates.
  fileprivate func removingRepeats() -> [String] {
    reduce(into: []) { if $0.last != $1 { $0.append($1) } }
  }
}
