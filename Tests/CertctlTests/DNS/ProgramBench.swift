import CertctlSystem
import FoundationEssentials
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlDNS

/// A folder of programs for providers to run, and the recorded warnings and messages.
struct ProgramBench {
  let folder: TemporaryFolder
  let warnings = Words()
  let told = Words()

  final class Words: Sendable {
    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    func add(_ text: String) { texts.withLock { $0.append(text) } }
  }

  static let apex = ChallengeRecord(
    name: "_acme-challenge.example.com", value: "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0",
    domain: "example.com", token: "tokenA", keyAuthorization: "tokenA.thumb")
  static let wildcard = ChallengeRecord(
    name: "_acme-challenge.example.com", value: "aaaaaaV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0",
    domain: "example.com", token: "tokenB", keyAuthorization: "tokenB.thumb")
  static let delegated = ChallengeRecord(
    name: "www.proofs.example.net", value: "bbbbbbV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0",
    domain: "www.example.com", token: "tokenC", keyAuthorization: "tokenC.thumb")

  /// Writes a shell script and returns its path.
  ///
  /// `$log` in the script is the file that `log` reads.
  @discardableResult
  func script(_ name: String, _ text: String, mode: UInt32 = 0o755) throws -> String {
    let path = try folder.write(name, "#!/bin/sh\nlog=\(folder.path("log"))\n\(text)\n")
    try #require(chmod(path, mode) == 0)
    return path
  }

  /// The text that scripts wrote to `$log`.
  var log: String { folder.read("log") ?? "" }

  func context(
    _ type: any DNSProvider.Type, _ argument: String? = nil, settings: [String: String] = [:]
  ) -> DNSProviderContext {
    var environment = Environment(
      http: { _ in throw HarnessError("a program needs no network of ours") },
      console: Console(warn: { [warnings] in warnings.add($0) }))
    environment.console.tell = { [told] in told.add($0.joined(separator: "\n")) }
    environment.runner = ProcessRunner(grace: .milliseconds(300))
    return DNSProviderContext(
      type.descriptor, values: settings, argument: argument, environment: environment)
  }

  /// Runs `body` with a bench.
  static func run(_ body: (ProgramBench) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      // certctl refuses programs below a folder that others can write to.
      let own = try folder.makeFolder("own")
      try #require(chmod(own, 0o755) == 0)
      try await body(ProgramBench(folder: TemporaryFolder(existing: own)))
    }
  }
}

/// Returns the error that `body` throws.
func programFailure(_ body: () async throws -> Void) async throws -> CertctlError {
  do {
    try await body()
  } catch let error as CertctlError {
    return error
  }
  throw HarnessError("nothing failed")
}
