import FoundationEssentials
import Glibc
package import Testing

/// A network namespace of one test with only a loopback device, so that servers can use port 53.
package struct NetworkNamespace: Sendable {
  package let name: String

  /// Creates a namespace around `body`, with these addresses besides 127.0.0.1 and this resolver.
  package static func run<Result: Sendable>(
    addresses: [String], resolver: String, _ body: (NetworkNamespace) async throws -> Result
  ) async throws -> Result {
    let name = "certctl-\(getpid())-\(UInt32.random(in: 0...(.max)))"
    // `ip netns exec` mounts this file over /etc/resolv.conf.
    let folder = "/etc/netns/\(name)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "nameserver \(resolver)\n".write(
      toFile: "\(folder)/resolv.conf", atomically: false, encoding: .utf8)
    try await ip("netns", "add", name)
    let result: Swift.Result<Result, any Error>
    do {
      try await ip("-n", name, "link", "set", "lo", "up")
      // BIND listens only on addresses of a device, not on all of 127.0.0.0/8.
      for address in addresses { try await ip("-n", name, "addr", "add", address, "dev", "lo") }
      result = .success(try await body(NetworkNamespace(name: name)))
    } catch {
      result = .failure(error)
    }
    // Remaining processes keep the unnamed namespace alive until the test kills them.
    try? await Task { try await ip("netns", "delete", name) }.value
    return try result.get()
  }

  /// Returns the program, to be run in the namespace.
  package func inside(_ program: Program) -> Program {
    var inner = program
    inner.arguments =
      ["netns", "exec", name, InstalledProgram.find(program.executable) ?? program.executable]
      + program.arguments
    inner.executable = "ip"
    return inner
  }

  private static func ip(_ arguments: String...) async throws {
    try await Program("ip", arguments).run().requireSuccess("ip \(arguments)")
  }
}

/// Returns whether a server listens on 127.0.0.1 in a namespace, or in the test's own network.
package func acceptsConnections(
  _ port: Int, in namespace: NetworkNamespace?
) async throws -> Bool {
  guard let namespace else { return acceptsConnections(port) }
  let look = Program("bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(port)"])
  return try await namespace.inside(look).run().exitCode == 0
}

extension Trait where Self == ConditionTrait {
  /// Skips the test without root or if a server is missing; fails it if `CI=true`.
  package static func needsDNSLab(sourceLocation: SourceLocation = #_sourceLocation) -> Self {
    .enabled(
      "needs root, and knot, bind9, unbound, pebble, iproute2", sourceLocation: sourceLocation
    ) {
      let programs = ["knotd", "knotc", "named", "nsupdate", "unbound", "pebble", "ip", "dig"]
      let missing = InstalledProgram.missing(of: programs) + (geteuid() == 0 ? [] : ["root"])
      guard InstalledProgram.nothingMayBeSkipped, !missing.isEmpty else { return missing.isEmpty }
      throw HarnessError("missing: \(missing.joined(separator: ", "))")
    }
  }
}
