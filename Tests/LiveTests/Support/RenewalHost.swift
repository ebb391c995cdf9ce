import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// A host where the built certctl gets and renews certificates from one acme2certifier.
struct RenewalHost: Sendable {
  /// The folder for all files of the test, with the state directory `state` and with `hooks`.
  let folder: TemporaryFolder
  let server: Acme2Certifier
  /// certctl with that state directory and that configuration directory.
  let certctl: CertctlBinary

  /// Runs `body` with a new server and a new state directory.
  static func run<Result: Sendable>(
    _ settings: Acme2Certifier.Settings = .init(), _ body: (RenewalHost) async throws -> Result
  ) async throws -> Result {
    try await Acme2Certifier.run(settings) { server in
      try await withTemporaryFolder(label: "renewal") { folder in
        var certctl = try CertctlBinary.locate(stateIn: folder)
        certctl.commonArguments = ["--config", try folder.write("certctl.toml", "")]
        return try await body(RenewalHost(folder: folder, server: server, certctl: certctl))
      }
    }
  }

  // MARK: - Commands

  /// Runs `issue` with http-01 and the built-in listener.
  func issue(_ names: String..., options: [String] = []) async throws {
    let arguments =
      ["issue"] + names + ["--ca", server.directoryURL, "--ca-bundle", server.caBundlePath]
      + ["--http-port", "\(server.httpPort)", "--http-address", "127.0.0.1", "--agree-tos"]
    try await certctl.run(arguments + options).requireSuccess("issue")
  }

  /// The result of one `renew`.
  struct Run: Sendable, CustomStringConvertible {
    let result: ProgramResult
    let report: JSONValue

    var exitCode: Int32? { result.exitCode }

    /// The reported outcome by lineage.
    var outcomes: [String: String] {
      Dictionary(
        report["certificates"].array.map {
          ($0["lineage"].string ?? "", $0["outcome"].string ?? "")
        }
      ) { first, _ in first }
    }

    /// Returns the lineages with this outcome, sorted.
    func lineages(_ outcome: String) -> [String] {
      outcomes.filter { $0.value == outcome }.keys.sorted()
    }

    var description: String { result.description }
  }

  /// Runs `renew --json` with the clock set forward by `later`.
  func renew(
    _ arguments: String..., later: Duration? = nil, within limit: Duration = .seconds(120)
  ) async throws -> Run {
    var program = certctl.program(["renew", "--json"] + arguments)
    if let later { program = try await ShiftedClock.set(forward: later, for: program) }
    let result = try await program.run(within: limit)
    return Run(result: result, report: try json(result))
  }

  // MARK: - State

  /// Returns the leaf in use.
  func leaf(_ lineage: String) throws -> Certificate {
    let text = try #require(folder.read("state/live/\(lineage)/fullchain.pem"))
    return try #require(try Certificate.chain(pem: [UInt8](text.utf8)).first)
  }

  /// Returns the number of generations of a lineage.
  func generationCount(_ lineage: String) -> Int {
    let path = folder.path("state/archive/\(lineage)")
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).count
  }

  /// The requests so far, without the variable parts of URLs.
  var requests: [String] {
    server.proxy.requests.map { request in
      "\(request.method) \(request.path.split(separator: "/").prefix(2).joined(separator: "/"))"
    }
  }

  /// Adds copies of a lineage without certificates, as after an interrupted `issue`.
  func addLineages(_ names: [String], like model: String) throws {
    try folder.addLineages(names, like: model)
  }

  /// Writes hooks that each log one line: the deploy hook the lineage, the post hook "post".
  func writeHooks() throws { try folder.writeLoggingHooks() }

  /// Returns what the hooks logged since the last call.
  func takeHookLog() -> [String] { folder.takeHookLog() }
}

extension TemporaryFolder {
  /// Adds copies of a lineage without certificates, as after an interrupted `issue`.
  func addLineages(
    _ names: [String], like model: String, asWildcards: Bool = false
  ) throws {
    let text = try #require(read("state/lineages/\(model).json"))
    var lineage = try #require(JSONValue([UInt8](text.utf8)))
    lineage["issuance"] = nil
    lineage["schedule"] = nil
    for name in names {
      lineage["name"] = .string(name)
      lineage["settings"]["names"] = [
        ["type": "dns", "value": .string(asWildcards ? "*.\(name)" : name)]
      ]
      try write("state/lineages/\(name).json", String(decoding: lineage.bytes, as: UTF8.self))
    }
  }

  /// Writes hooks that each log one line: the deploy hook the lineage, the post hook "post".
  func writeLoggingHooks() throws {
    let log = path("hooks.log")
    for (name, word) in [("deploy.d/log", "$CERTCTL_LINEAGE"), ("post.d/log", "post")] {
      let script = "#!/bin/sh\necho \"\(word)\" >>\(log)\n"
      let path = try write("hooks/\(name)", script)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }
  }

  /// Returns what these hooks logged since the last call.
  func takeHookLog() -> [String] {
    defer { remove("hooks.log") }
    return (read("hooks.log") ?? "").split(separator: "\n").map(String.init)
  }
}
