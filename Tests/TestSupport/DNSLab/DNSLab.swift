import FoundationEssentials
import Glibc

/// Real DNS servers, each on port 53 of its own address, and a CA that uses a resolver.
///
/// Knot is primary and secondary for `example.test` and `two.test`. The secondary does not receive
/// changes until the test calls ``transfer()``. BIND serves `other.test`, the target of the CNAME
/// `_acme-challenge.delegated.example.test`. unbound resolves all zones for Pebble and certctl.
package struct DNSLab: Sendable {
  package static let primary = "127.0.0.11"
  package static let secondary = "127.0.0.12"
  package static let bind = "127.0.0.13"
  package static let resolver = "127.0.0.10"
  /// The value of another user's TXT record, which certctl must not change.
  package static let foreign = "somebody-else"
  /// The TSIG keys by algorithm, in base64.
  package static let keys = [
    "hmac-sha256": "c2VjcmV0LW9mLXRoZS10ZXN0LXNlY3JldC0wMDAwMDE=",
    "hmac-sha384": "c2VjcmV0LW9mLXRoZS10ZXN0LXNlY3JldC0wMDAwMDI=",
    "hmac-sha512": "c2VjcmV0LW9mLXRoZS10ZXN0LXNlY3JldC0wMDAwMDM=",
  ]

  /// The lab's directory; certctl's state directory is `state` in it, each server has its own.
  package let folder: TemporaryFolder
  package let namespace: NetworkNamespace
  package let pebble: Pebble
  private let secondaryProgram: RunningProgram
  package let certctl: CertctlBinary

  /// Runs the lab around `body`.
  package static func run<Result: Sendable>(
    _ configuration: Pebble.Configuration = .init(), _ body: (DNSLab) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder(label: "dnslab") { folder in
      try await NetworkNamespace.run(
        addresses: [resolver, primary, secondary, bind], resolver: resolver
      ) { namespace in
        let lab = Setup(folder: folder, namespace: namespace)
        return try await lab.serveKnot { secondaryProgram in
          try await lab.serveBIND {
            try await lab.serveUnbound {
              var configuration = configuration
              configuration.dnsServer = "\(resolver):53"
              configuration.namespace = namespace
              return try await Pebble.run(configuration) { pebble in
                try await body(
                  DNSLab(
                    folder: folder, namespace: namespace, pebble: pebble,
                    secondaryProgram: secondaryProgram,
                    certctl: try CertctlBinary.locate(stateIn: folder)))
              }
            }
          }
        }
      }
    }
  }

  // MARK: - Acting

  /// Makes the secondary fetch the changes of both zones.
  package func transfer() async throws {
    for zone in ["example.test", "two.test"] {
      _ = try await namespace.inside(
        Program("knotc", ["-c", folder.path("secondary/knot.conf"), "zone-refresh", zone])
      ).run()
    }
  }

  /// Kills the secondary.
  package func killSecondary() async throws {
    secondaryProgram.send(SIGKILL)
    try await poll("the end of the secondary") { !secondaryProgram.isRunning }
  }

  /// Queries one server and returns the sorted TXT values of a name.
  package func texts(_ name: String, at server: String = primary) async throws -> [String] {
    let result = try await namespace.inside(
      Program("dig", ["+short", "+time=2", "+tries=1", "+norecurse", "@\(server)", name, "TXT"])
    ).run()
    return result.standardOutput.split(separator: "\n").map {
      $0.filter { $0 != "\"" }
    }.sorted()
  }

  /// Changes a zone with nsupdate commands, as another user would.
  package func update(_ commands: String, at server: String = primary) async throws {
    let key = "hmac-sha256:update-hmac-sha256:\(Self.keys["hmac-sha256"] ?? "")"
    try await namespace.inside(Program("nsupdate", ["-y", key])).run(
      input: "server \(server)\n\(commands)\nsend\n"
    ).requireSuccess("nsupdate")
  }

  /// Returns certctl in the namespace with a TSIG key; it finds the primaries itself.
  package func program(_ arguments: [String], algorithm: String = "hmac-sha256") -> Program {
    var program = certctl.program(arguments)
    program.environment["RFC2136_TSIG_FILE"] = folder.path("update-\(algorithm).key")
    return namespace.inside(program)
  }

  /// Returns the arguments of `certctl issue` for these names.
  package func issueArguments(_ names: [String], _ options: [String] = []) -> [String] {
    ["issue"] + names + ["--dns", "rfc2136", "--agree-tos", "--ca", pebble.directoryURL]
      + ["--ca-bundle", pebble.caBundlePath] + options
  }
}
