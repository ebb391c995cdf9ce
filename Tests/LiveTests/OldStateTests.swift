import FoundationEssentials
import TestSupport
import Testing

/// State directories of earlier versions.
///
/// `scripts/make-state-fixture` created each archive with a binary of the commit in its name.
@Suite(
  .serialized, .timeLimit(.minutes(5)), .requires("tar", "cc"), .needsRoot("the files are root's"))
struct OldStateTests {
  /// The folder for the unpacked archives, fixed because sites have absolute paths.
  private static let root = "/tmp/certctl-state-fixture"

  private struct Host {
    let folder = TemporaryFolder(existing: OldStateTests.root)
    private let certctl: CertctlBinary
    private let shift: Duration

    init() throws {
      certctl = try CertctlBinary.locate(stateIn: folder)
      // certctl's clock: one day after the archive was created.
      let text = try #require(folder.read("made")).filter { !$0.isNewline }
      let day = try Date(text, strategy: .iso8601).addingTimeInterval(86400)
      shift = .seconds(Int(day.timeIntervalSince(Date())))
    }

    func run(_ arguments: String...) async throws -> ProgramResult {
      try await ShiftedClock.set(forward: shift, for: certctl.program(arguments))
        .run(within: .seconds(60))
    }
  }

  private func withState(_ archive: String, _ body: (Host) async throws -> Void) async throws {
    try #require(
      !FileManager.default.fileExists(atPath: Self.root), "\(Self.root) is in the way: remove it")
    try await Program(
      "tar",
      ["--extract", "--file", Checkout.path("Fixtures/state/\(archive)"), "--directory", "/"]
    ).run().requireSuccess("tar")
    defer { try? FileManager.default.removeItem(atPath: Self.root) }
    try await body(Host())
  }

  private func states(_ result: ProgramResult) throws -> [String: String] {
    let list = try json(result)["certificates"].array
    return Dictionary(list.map { ($0["name"].string ?? "", $0["state"].string ?? "") }) { $1 }
  }

  @Test(arguments: ["a973279.tar.gz"])
  func `an old state directory is read, and interrupted changes are completed or undone`(
    _ archive: String
  ) async throws {
    try await withState(archive) { host in
      let list = try await host.run("list", "--json")
      #expect(
        try states(list) == [
          "bare.test": "placeholder", "dual.test": "valid", "ec.test": "valid",
          "off.test": "valid", "order.test": "missing", "rsa.test": "valid", "site.test": "valid",
        ])
      let dual = try json(try await host.run("show", "dual.test", "--json"))["certificate"]
      let rsa = try json(try await host.run("show", "rsa.test", "--json"))["certificate"]
      #expect(dual["rsa"]["keyType"].string == "rsa2048")
      #expect(rsa["keyType"].string == "rsa2048")

      let link = host.folder.path("nginx/sites-enabled/off.test.conf")
      let isThere = { (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) != nil }
      #expect(isThere())
      // The CA no longer exists: the order is kept, and everything else is cleaned up.
      let renew = try await host.run("renew")
      #expect(renew.exitCode == 1, "\(renew)")
      #expect(renew.standardError.contains("an earlier run was interrupted"), "\(renew)")
      #expect(!isThere())
      let left = TemporaryFolder(existing: OldStateTests.root).contents()
      #expect(!left.contains { $0.hasPrefix("state/transactions/") }, "\(left)")
      #expect(!left.contains { $0.hasPrefix("www/.well-known/acme-challenge/") }, "\(left)")
      #expect(left.contains("state/pending/order.test/order.json"))

      let sites = try json(try await host.run("site", "list", "--json"))["sites"].array
      #expect(
        sites.map { $0["state"].string } == ["uncertified", "disabled", "enabled"], "\(sites)")
      try await host.run("delete", "ec.test").requireSuccess("delete")
      #expect(try states(try await host.run("list", "--json"))["ec.test"] == nil)
    }
  }
}
