import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlServing

/// Whether nginx can read the keys in a container.
struct MountReadingTests {
  private static let root = ProcessIdentity(user: 0, groups: [0], readsEverything: true)
  private static let nginx = ProcessIdentity(user: 101, groups: [101], readsEverything: false)

  @Test(arguments: [
    (root, 0o600, true), (nginx, 0o600, false), (nginx, 0o604, true),
    (ProcessIdentity(user: 101, groups: [33], readsEverything: false), 0o640, true),
    (ProcessIdentity(user: 33, groups: [33], readsEverything: false), 0o640, true),
    (ProcessIdentity(user: 33, groups: [33], readsEverything: false), 0o604, false),
    (ProcessIdentity(user: 7, groups: [7], readsEverything: false), 0o440, true),
    (ProcessIdentity(user: 7, groups: [33], readsEverything: false), 0o240, false),
    // Root of a user namespace that does not map user 7.
    (
      ProcessIdentity(user: 1000, groups: [], readsEverything: true, knownUsers: [1000...2000]),
      0o600, false
    ),
    (
      ProcessIdentity(user: 1000, groups: [], readsEverything: true, knownUsers: [0...2000]),
      0o600, true
    ),
  ])
  func `read access depends on mode, owner, group and capabilities`(
    _ identity: ProcessIdentity, mode: Int, may: Bool
  ) {
    #expect(identity.may(4, owner: 7, group: 33, mode: UInt32(mode)) == may)
  }

  private func withSurvey(
    copy: Bool = false, _ body: (TemporaryFolder, inout MountSurvey) throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      let state = folder.path("state")
      try folder.write("nginx/nginx.conf", "events {}")
      try folder.write("state/archive/a.test/0001/privkey.pem", "key")
      try folder.makeFolder("state/live")
      try FileManager.default.createSymbolicLink(
        atPath: folder.path("state/live/a.test"), withDestinationPath: "../archive/a.test/0001")
      let copies = try folder.makeFolder("copies")
      try folder.write("copies/a.test/combined.pem", "both")
      let paths = [
        "nginx", "state/live", "state/archive", "state/archive/a.test",
        "state/archive/a.test/0001", "copies", "copies/a.test",
      ]
      for path in paths { try folder.allow(path, 0o755) }
      try folder.allow("state/archive/a.test/0001/privkey.pem", 0o600)
      try folder.allow("copies/a.test/combined.pem", 0o600)
      let mounts = [
        "\(folder.path("nginx")):/etc/nginx", "\(state)/live:\(state)/live",
        "\(state)/archive:\(state)/archive", "\(copies):/copies",
      ]
      var survey = MountSurvey(
        container: try .sample(mounts: mounts, user: "101"),
        configuration: "/etc/nginx/nginx.conf", stateDirectory: state,
        copy: copy ? copies : nil, lineages: ["a.test"])
      try body(folder, &survey)
    }
  }

  @Test func `a key that the container's user cannot read is a fault`() async throws {
    try await withSurvey { folder, survey in
      #expect(survey.faults == [])
      survey.reader = Self.root
      #expect(survey.faults == [])
      survey.reader = Self.nginx
      let fault = try #require(survey.faults.first)
      #expect(fault.message.contains("runs as user 101"))
      #expect(fault.message.contains("0001/privkey.pem"))
      #expect(fault.message.contains("mode 600"))
      #expect(fault.advice?.contains("\"user: 101\"") == true)
      #expect(fault.advice?.contains("--deploy-copy DIR --owner 101") == true)
      try folder.allow("state/archive/a.test/0001/privkey.pem", 0o604)
      #expect(survey.faults == [])
      try folder.allow("state/live", 0o700)
      let shut = try #require(survey.faults.first)
      #expect(shut.message.contains("cannot enter \(folder.path("state/live"))"))
    }
  }

  @Test func `the RSA key and copies are checked too`() async throws {
    try await withSurvey { folder, survey in
      survey.reader = Self.nginx
      try folder.allow("state/archive/a.test/0001/privkey.pem", 0o604)
      try folder.write("state/archive/a.test/0001/rsa/privkey.pem", "key")
      try folder.allow("state/archive/a.test/0001/rsa", 0o755)
      try folder.allow("state/archive/a.test/0001/rsa/privkey.pem", 0o600)
      expectText(survey.faults.first?.message, mentions: "rsa/privkey.pem")
    }
    try await withSurvey(copy: true) { folder, survey in
      survey.reader = Self.nginx
      expectText(survey.faults.first?.message, mentions: "a.test/combined.pem")
      try folder.allow("copies/a.test/combined.pem", 0o604)
      #expect(survey.faults == [])
    }
  }

  @Test func `keys that do not exist yet are checked by their configured mode and owner`()
    async throws
  {
    try await withSurvey { _, survey in
      survey.lineages = ["b.test"]
      survey.reader = Self.nginx
      #expect(survey.faults == [])
      survey.keys = FileAttributes(mode: 0o600)
      expectText(survey.faults.first?.message, mentions: "the keys that certctl writes")
      survey.keys = FileAttributes(mode: 0o600, owner: 101)
      #expect(survey.faults == [])
      survey.keys = FileAttributes(mode: 0o640, owner: 0, group: 101)
      #expect(survey.faults == [])
    }
  }

  @Test func `dropped capabilities and user namespaces have their own advice`() async throws {
    try await withSurvey { _, survey in
      survey.keys = FileAttributes(mode: 0o600, owner: 7, group: 7)
      survey.lineages = []
      survey.reader = ProcessIdentity(user: 0, groups: [0], readsEverything: false)
      #expect(survey.faults.first?.advice?.contains("DAC_OVERRIDE") == true)
      survey.reader = ProcessIdentity(
        user: 100_000, groups: [], readsEverything: true, knownUsers: [100_000...165_535])
      #expect(survey.faults.first?.advice?.contains("userns") == true)
    }
  }

  @Test func `workers must be able to enter the nginx folder`() async throws {
    try await withSurvey { folder, survey in
      survey.server = Self.nginx
      #expect(survey.faults == [])
      try folder.allow("nginx", 0o700)
      let fault = try #require(survey.faults.first)
      #expect(fault.message.contains("workers"))
      #expect(fault.advice == "run: chmod a+rx \(folder.path("nginx"))")
    }
  }
}

extension TemporaryFolder {
  /// Sets the mode of a file or folder.
  fileprivate func allow(_ name: String, _ mode: Int) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path(name))
  }
}
