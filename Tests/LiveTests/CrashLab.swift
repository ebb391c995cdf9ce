import CertctlCrypto
import Glibc
import Synchronization
import TestSupport
import Testing

/// A CA, a web server and certctl, for many state directories in turn.
///
/// The lineage is always `example.com`, validated with http-01 through the webroot `web`.
struct CrashLab: Sendable {
  static let name = "example.com"

  let pebble: Pebble
  let nginx: NginxServer
  let binary: CertctlBinary
  /// The CA's root certificate, where every chain must end.
  let root: Certificate
  private let bases = Mutexed<[String: String]>([:])
  private let caseCount = Mutexed(0)

  /// Runs `body` with a new lab.
  static func run<Result: Sendable>(
    _ body: (CrashLab) async throws -> Result
  ) async throws -> Result {
    let port = try FreePort.pick()
    let configuration = Pebble.Configuration { $0.httpPort = port }
    let http = "server { listen 127.0.0.1:\(port); root web; }"
    return try await NginxServer.run(http: http, ports: [port]) {
      try $0.makeFolder("web")
    } _: { nginx in
      try await Pebble.run(configuration) { pebble in
        let root = try Certificate(pem: Array(try await pebble.root().utf8))
        return try await body(
          CrashLab(
            pebble: pebble, nginx: nginx, binary: try CertctlBinary.locate(stateIn: nginx.folder),
            root: root))
      }
    }
  }

  var webroot: String { nginx.folder.path("web") }

  /// The options that select this lab's CA.
  var authority: [String] { ["--ca", pebble.directoryURL, "--ca-bundle", pebble.caBundlePath] }

  /// The command that gets the lineage's certificate.
  var issue: [String] {
    ["issue", Self.name, "--webroot", webroot, "--key-type", "ec256", "--agree-tos"] + authority
  }

  /// Returns a case whose state directory does not exist yet, with an empty webroot.
  func freshCase(_ label: String) throws -> CrashCase {
    let number = caseCount.change { count in
      count += 1
      return count
    }
    nginx.folder.remove("web")
    try nginx.folder.makeFolder("web")
    return CrashCase(
      lab: self, label: label, folder: nginx.folder.path("case-\(number)"),
      logStart: pebble.logSize)
  }

  /// Returns a case whose state directory is a copy of one that `make` prepares once per lab.
  func copiedCase(
    _ label: String, of base: String, _ make: (CrashCase) async throws -> Void
  ) async throws -> CrashCase {
    if bases.change({ $0[base] }) == nil {
      let original = try freshCase(base)
      try await make(original)
      bases.change { $0[base] = original.state }
    }
    let copy = try freshCase(label)
    let source = bases.change { $0[base] } ?? ""
    try nginx.folder.makeFolder("case-\(caseCount.change { $0 })")
    try await Program("cp", ["-a", source, copy.state]).run().requireSuccess("cp")
    return copy
  }
}

/// A state directory, and what happened at the CA since its creation.
struct CrashCase: Sendable {
  let lab: CrashLab
  /// The prefix of every failed expectation.
  let label: String
  let folder: String
  let logStart: Int

  var state: String { "\(folder)/state" }
  var comment: Comment { Comment(rawValue: label) }

  /// Runs certctl on this state directory.
  func certctl(
    _ arguments: [String], environment: [String: String?] = [:]
  ) async throws -> ProgramResult {
    var binary = lab.binary
    binary.environment["CERTCTL_STATE_DIR"] = state
    return try await binary.run(arguments, environment: environment, within: .seconds(30))
  }

  /// Returns what the CA did since `start` in its log, by default since the case began.
  func ledger(since start: Int? = nil) -> CrashLedger {
    CrashLedger(log: lab.pebble.log(after: start ?? logStart))
  }
}

/// Counts from a part of Pebble's log.
struct CrashLedger {
  /// The number of new-order requests.
  var orders = 0
  /// The number of created accounts, without requests that returned an existing one.
  var accounts = 0
  /// The serial numbers of the issued certificates.
  var serials: [String] = []

  init(log: String) {
    for line in log.split(separator: "\n") {
      if line.hasSuffix("POST /order-plz -> calling handler()") { orders += 1 }
      if line.hasSuffix(" accounts in memory") { accounts += 1 }
      let words = line.split(separator: " ")
      if let at = words.firstIndex(of: "serial"), line.contains("Issued certificate serial") {
        serials.append(String(words[at + 1]))
      }
    }
  }
}

/// A value behind a lock, for structs that are copied between tasks.
final class Mutexed<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  init(_ value: Value) { self.value = Mutex(value) }

  @discardableResult
  func change<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
    value.withLock { value in body(&value) }
  }
}
