import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCLI
@testable import CertctlStore

/// `certctl dhparam` as it is run, judged by the `openssl` command.
@Suite(.timeLimit(.minutes(10)))
struct DHParametersTests {
  private func judge(_ path: String) async throws -> String {
    let result = try await Program("openssl", ["dhparam", "-in", path, "-check", "-noout"]).run()
    return result.standardOutput + result.standardError
  }

  @Test(.requires("openssl"), arguments: ["2048", "3072", "4096", "8192"])
  func `a standard group is printed at once and is fine`(bits: String) async throws {
    try await CommandLineBench.with { bench in
      let result = try await bench.run("dhparam", "--bits", bits)
      #expect(result.exitCode == 0)
      #expect(result.standardError.contains("Mozilla's guideline dropped DHE"))
      let file = try bench.folder.write("made.pem", result.standardOutput)
      #expect(try await judge(file).contains("appear to be ok"))
      #expect(result.standardOutput.hasSuffix("-----END DH PARAMETERS-----\n"))
      let quiet = try await bench.run("dhparam", "--bits", bits, "--quiet")
      #expect(quiet.standardError == "" && quiet.standardOutput == result.standardOutput)
      let json = try await bench.run("dhparam", "--bits", bits, "--json")
      let report = try #require(JSONValue(Array(json.standardOutput.utf8)))
      #expect(report["pem"].string == result.standardOutput)
      #expect(report["group"].string == "ffdhe\(bits)")
      #expect(!bench.hasState)
    }
  }

  @Test(.requires("openssl"))
  func `a file is written once, and replaced by force only`() async throws {
    try await CommandLineBench.with { bench in
      let file = bench.folder.path("dhparam.pem")
      let words = ["dhparam", "--out", file]
      let first = try await bench.binary.run(words)
      #expect(first.exitCode == 0)
      #expect(first.standardOutput == "Wrote \(file): ffdhe2048 (RFC 7919), 2048 bits.\n")
      var status = stat()
      #expect(stat(file, &status) == 0 && status.st_mode & 0o7777 == 0o644)
      let again = try await bench.binary.run(words)
      #expect(again.exitCode == 0)
      #expect(
        again.standardOutput == "Nothing to do: \(file) already contains ffdhe2048 (RFC 7919).\n")

      let old = try #require(bench.folder.read("dhparam.pem"))
      for other in [words + ["--bits", "4096"], words + ["--generate", "--bits", "8192"]] {
        let failure = try await bench.fails(other, exit: 1, "refused")
        #expect(failure.hint.contains("--force"))
      }
      #expect(bench.folder.read("dhparam.pem") == old)
      let forced = try await bench.binary.run(words + ["--bits", "4096", "--force"])
      #expect(forced.exitCode == 0)
      #expect(try await judge(file).contains("appear to be ok"))
      #expect(bench.folder.read("dhparam.pem") != old)
    }
  }

  @Test(.requires("openssl"))
  func `a fresh safe prime is accepted by openssl`() async throws {
    try await CommandLineBench.with { bench in
      let file = bench.folder.path("fresh.pem")
      let result = try await bench.binary.run(
        ["dhparam", "--generate", "--out", file], within: .seconds(240))
      #expect(result.exitCode == 0, "\(result)")
      #expect(result.standardOutput == "Wrote \(file): a new safe prime, 2048 bits.\n")
      #expect(try await judge(file).contains("appear to be ok"))
      let check = try await bench.run("dhparam", "--check", file)
      #expect(check.exitCode == 0)
      #expect(check.standardOutput == "\(file): ok, 2048 bits, a safe prime\n")
    }
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `a signal ends a search at once and leaves nothing`(signal: Int32) async throws {
    try await CommandLineBench.with { bench in
      try bench.folder.makeFolder("out")
      let clock = ContinuousClock()
      var sent = clock.now
      let result = try await bench.binary.run(
        ["dhparam", "--generate", "--bits", "8192", "--out", bench.folder.path("out/dh.pem")]
      ) { running in
        try await poll("the start") { running.standardError.contains("Mozilla") }
        // Now the sieve is made, or the first candidates are tried.
        try await Task.sleep(for: .seconds(1))
        sent = clock.now
        running.send(signal)
      }
      #expect(result.signal == signal, "\(result)")
      // Hours are what it would take; on a busy machine, a debug build needs its time to end.
      #expect(clock.now - sent < .seconds(45))
      #expect(result.standardOutput == "")
      let left = try FileManager.default.contentsOfDirectory(atPath: bench.folder.path("out"))
      #expect(left.isEmpty)
    }
  }

  @Test(.requires("openssl"))
  func `a check tells good from bad by its exit code`() async throws {
    try await CommandLineBench.with { bench in
      let made = try await Program("openssl", ["dhparam", "-dsaparam", "2048"]).run()
      let file = try bench.folder.write("dsa.pem", made.standardOutput)
      let bad = try await bench.run("dhparam", "--check", file)
      #expect(bad.exitCode == 1)
      #expect(bad.standardOutput.hasPrefix("\(file): not usable, 2048 bits"))
      #expect(bad.standardOutput.contains("not a safe prime"))
      let json = try await bench.run("dhparam", "--check", file, "--json")
      let report = try #require(JSONValue(Array(json.standardOutput.utf8)))
      #expect(json.exitCode == 1)
      #expect(report["isFine"].bool == false && report["isSafePrime"].bool == false)
      let finding = report["findings"].array.first
      #expect(finding?["code"].string == "parametersUnusable")
      #expect(finding?["message"] == report["problems"].array.first)
      #expect(finding?["subject"].string == file)

      try await bench.fails(
        ["dhparam", "--check", bench.folder.path("none")], exit: 1, "notFound")
      try await bench.fails(["dhparam", "--check", bench.folder.path], exit: 1, "io")
      let junk = try bench.folder.write("junk.pem", "junk")
      let failure = try await bench.fails(["dhparam", "--check", junk], exit: 1, "malformed")
      #expect(failure.message.contains("no DH parameters"))
      mkfifo(bench.folder.path("fifo"), 0o600)
      try await bench.fails(
        ["dhparam", "--check", bench.folder.path("fifo")], exit: 1, "io")
    }
  }

  @Test(arguments: [
    ["--bits", "1024"], ["--bits", "many"], ["--check", "x", "--generate"],
    ["--check", "x", "--bits", "2048"], ["--force"], ["--out", ""], ["--check", ""],
    ["--out", "/"],
  ])
  func `wrong words are refused`(words: [String]) async throws {
    try await CommandLineBench.with { bench in
      _ = try await bench.fails(["dhparam"] + words, exit: 64, "usage")
    }
  }

  @Test func `links, folders and missing folders are not written to`() async throws {
    try await CommandLineBench.with { bench in
      let target = try bench.folder.write("target", "mine")
      symlink(target, bench.folder.path("link"))
      let link = try await bench.fails(
        ["dhparam", "--force", "--out", bench.folder.path("link")], exit: 1, "refused")
      #expect(link.message.contains("link to \(target)"))
      #expect(bench.folder.read("target") == "mine")
      try bench.folder.makeFolder("folder")
      try await bench.fails(
        ["dhparam", "--force", "--out", bench.folder.path("folder")], exit: 1, "io")
      let missing = try await bench.fails(
        ["dhparam", "--out", bench.folder.path("none/dh.pem")], exit: 1, "state")
      #expect(missing.message.contains("none"))
    }
  }

  @Test func `the bar fits and tells chances`() {
    func progress(_ candidates: Int, _ seconds: Int) -> DHProgress {
      DHProgress(
        bits: 2048, threads: 2, candidates: candidates, expectedCandidates: 1000,
        elapsed: .seconds(seconds))
    }
    let start = progress(0, 0)
    #expect(start.rate == nil && start.median == nil && start.shareDone == 0)
    #expect(DHProgressDisplay.bar(start, width: 80).hasPrefix("[--------------------] 0 %"))
    // Half of all searches have ended after ln 2 of the average.
    let half = progress(693, 7)
    #expect(abs(half.shareDone - 0.5) < 0.001)
    #expect(
      DHProgressDisplay.bar(half, width: 120)
        == "[##########----------] 50 %, 50 % chance within 8 s, 90 % within 24 s")
    #expect(
      DHProgressDisplay.bar(half, width: 60) == "[##########----------] 50 %, 693 of about 1000")
    for width in 0..<120 { #expect(DHProgressDisplay.bar(half, width: width).count <= width) }
    let words = [59, 119, 120, 7199, 7200, 172_799, 172_800].map {
      DHProgressDisplay.words(.seconds($0))
    }
    #expect(words == ["59 s", "119 s", "2 min", "120 min", "2 h", "48 h", "2 days"])
  }
}
