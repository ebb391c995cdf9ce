import CertctlBase
import CertctlHTTP
import CertctlSystem
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlDNS
@testable import CertctlServing

/// Secrets, engines and settings that another user can read, write or choose.
@Suite(.needsRoot("an ordinary user cannot give files away"))
struct OthersFilesTests {
  private func withFolder(_ body: (TemporaryFolder) async throws -> Void) async throws {
    try await withTemporaryFolder(label: "others") { folder in
      chmod(folder.path, 0o755)
      try await body(folder)
    }
  }

  /// Returns the secret in a file and the warnings about it.
  private func read(_ path: String) throws -> (text: String, warnings: [String]) {
    let warnings = Warnings()
    let bytes = try SecretFile(path: path, warn: warnings.add).read()
    return (String(decoding: bytes, as: UTF8.self), warnings.texts)
  }

  private final class Warnings: Sendable {
    private let all = Mutex<[String]>([])
    var texts: [String] { all.withLock { $0 } }
    func add(_ text: String) { all.withLock { $0.append(text) } }
  }

  @Test func `a world-readable secret is used with a warning that gives the chmod command`()
    async throws
  {
    try await withFolder { folder in
      let path = try folder.write("token", "hunter2")
      chmod(path, 0o640)
      #expect(try read(path) == ("hunter2", []))
      chmod(path, 0o644)
      let (text, warnings) = try read(path)
      #expect(text == "hunter2")
      #expect(warnings.count == 1 && warnings.first?.hasSuffix(": chmod 600 \(path)") == true)
      #expect(!warnings.contains { $0.contains("hunter2") })
    }
  }

  @Test func `a secret that another user owns or can write is refused`() async throws {
    try await withFolder { folder in
      let path = try folder.write("token", "hunter2")
      chmod(path, 0o602)
      let open = #expect(throws: CertctlError.self) { try read(path) }
      expectError(open, code: .configuration, hint: "chmod go-w \(path)")
      chmod(path, 0o600)
      chown(path, 4242, 4242)
      let foreign = #expect(throws: CertctlError.self) { try read(path) }
      expectError(foreign, hint: "chown root \(path)")
      #expect(foreign?.message.contains("hunter2") == false)
      // Another user's link to root's file would disclose what only root can read.
      let shadow = try folder.write("shadow", "root:x")
      let home = try folder.makeFolder("home")
      chown(home, 4242, 4242)
      symlink(shadow, "\(home)/token")
      lchown("\(home)/token", 4242, 4242)
      let planted = #expect(throws: CertctlError.self) { try read("\(home)/token") }
      expectError(planted, mentions: "link of user 4242")
    }
  }

  @Test func `a FIFO in place of a secret does not block`() async throws {
    try await withFolder { folder in
      mkfifo(folder.path("token"), 0o600)
      #expect(throws: CertctlError.self) { try read(folder.path("token")) }
      #expect(RegularFile.read(folder.path("token")) == nil)
      #expect(RegularFile.read("/dev/zero") == nil)
    }
  }

  @Test(arguments: [
    ["DOCKER_HOST": "unix:///theirs/s.sock"], ["CONTAINER_HOST": "unix:///theirs/s.sock"],
    ["DOCKER_CONFIG": "/theirs/docker"], ["XDG_RUNTIME_DIR": "/theirs"],
    ["DOCKER_CERT_PATH": "/theirs"],
  ])
  func `root queries no engine that another user runs or chose`(
    _ variables: [String: String]
  ) async throws {
    try await withFolder { folder in
      let theirs = try folder.makeFolder("theirs/docker")
      chown(folder.path("theirs"), 65534, 65534)
      chown(theirs, 65534, 65534)
      let environment = variables.mapValues { $0.replacing("/theirs", with: folder.path("theirs")) }
      let runner = ScriptedRunner()
      let engine = CommandLineEngine(
        path: "/usr/bin/docker", environment: EngineEnvironment(environment), runner: runner)
      let error = await #expect(throws: CertctlError.self) {
        try await engine.inspect("web")
      }
      expectError(
        error, code: .configuration, mentions: "belongs to nobody (65534)", hint: "sudo -u nobody")
      #expect(runner.commands.isEmpty)
      let client: @Sendable (String, Int) -> any HTTPClient = { _, _ in
        Issue.record("the engine was asked")
        return CurlHTTPClient(.init(userAgent: "test"))
      }
      // Chosen by the environment, then by the path of its socket.
      let named = SocketEngine(
        path: folder.path("none.sock"), environment: EngineEnvironment(environment),
        client: client)
      let chosen = await #expect(throws: CertctlError.self) { try await named.inspect("web") }
      #expect(chosen?.message.contains("\(variables.keys.first ?? "?")=") == true)
      let socket = SocketEngine(
        path: "\(theirs)/engine.sock", environment: EngineEnvironment([:]), client: client)
      let refusal = await #expect(throws: CertctlError.self) { try await socket.inspect("web") }
      expectError(refusal, code: .configuration, mentions: "as root")
    }
  }

  @Test func `acme.sh settings that another user can change are refused`() async throws {
    try await withFolder { folder in
      let home = try folder.makeFolder("acme")
      try folder.write("acme/dnsapi/dns_own.sh", "dns_own_add() { :; }\n")
      let account = try folder.write("acme/account.conf", "X='1'\n")
      let values = ["ACMESH_HOME": home]
      func make() throws {
        var environment = Environment.failing
        environment.runner = ScriptedRunner()
        _ = try AcmeSh(
          DNSProviderContext(
            AcmeSh.descriptor, values: values, argument: "dns_own", environment: environment))
      }
      try make()
      chown(account, 65534, 65534)
      let error = #expect(throws: CertctlError.self) { try make() }
      expectError(error, code: .configuration, mentions: account)
      chown(account, 0, 0)
      chmod(home, 0o777)
      #expect(throws: CertctlError.self) { try make() }
    }
  }
}
