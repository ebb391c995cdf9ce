import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlOperations
@testable import CertctlStore

/// A context with a fake CA that validates against a webroot.
struct ContextBench {
  let clock = TestClock()
  let ca: FakeCA
  let folder: TemporaryFolder
  let webroot: String
  let warnings = Recorder<String>()
  let context: Context

  init(
    _ folder: TemporaryFolder, configuration: Configuration = .init(),
    change: (inout Environment) -> Void = { _ in }
  ) throws {
    self.folder = folder
    ca = try FakeCA(clock: clock)
    let root = try folder.makeFolder("www")
    webroot = root
    ca.configure { settings in
      settings.validate = { attempt in
        let found = readText("\(root)/.well-known/acme-challenge/\(attempt.token)")
        return found == attempt.keyAuthorization
          ? nil : Problem(type: .unauthorized, detail: "found \(found ?? "nothing")", status: 403)
      }
    }
    var environment = Environment.of(ca, clock)
    environment.console.warn = { [warnings] in warnings.add($0) }
    change(&environment)
    context = Context(
      stateDirectory: folder.path("state"), configuration: configuration,
      configDirectory: folder.path("etc"), lockTimeout: .zero, environment: environment)
  }

  var state: StateDirectory { StateDirectory(path: folder.path("state")) }

  func request(
    _ names: String..., change: (inout IssueRequest) -> Void = { _ in }
  ) throws -> IssueRequest {
    var request = IssueRequest(
      names: try names.map { try Identifier(parsing: $0) },
      registration: Registration(terms: .agreed))
    request.overrides.authorities = [ca.directoryURL]
    request.overrides.webroot = webroot
    change(&request)
    return request
  }

  /// Writes an executable hook, by default one that appends a line to the file `ran`.
  @discardableResult
  func hook(_ event: String, _ name: String = "log", script: String? = nil) throws -> String {
    let line = #"echo "$CERTCTL_EVENT $CERTCTL_LINEAGE [$CERTCTL_NAMES]" >> \#(folder.path("ran"))"#
    let path = try folder.write("etc/hooks/\(event).d/\(name)", "#!/bin/sh\n\(script ?? line)\n")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    return path
  }

  /// Returns the hooks that ran, one line each, and clears the log.
  func takeHookLog() -> [String] {
    let lines = (folder.read("ran") ?? "").split(separator: "\n").map(String.init)
    try? FileManager.default.removeItem(atPath: folder.path("ran"))
    return lines
  }

  /// Removes the cached CA directories.
  func forgetDirectories() throws {
    try FileManager.default.removeItem(atPath: folder.path("state/cache/directories"))
  }

  func advance(days: Double) { clock.advance(days * 86400) }

  /// All files below the state directory.
  var files: [String] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: state.path)) ?? []).sorted()
  }
}
