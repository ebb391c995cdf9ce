import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials

/// A DNS script of acme.sh, run with certctl's implementation of the functions it calls.
///
/// acme.sh itself is not run, but its settings are used: the script reads and writes them.
package struct AcmeSh: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "acmesh", title: "acme.sh DNS script",
    documentation: "https://github.com/acmesh-official/acme.sh/wiki/dnsapi",
    settings: [
      .init(
        "ACMESH_HOME", "acme.sh installation directory, by default ~/.acme.sh",
        aliases: ["LE_WORKING_DIR"], isSecret: false, fallback: "")
    ], timeLimit: 900, argument: "dns_NAME")

  var script: UserProgram
  let name: String
  let home: String
  private let warn: @Sendable (String) -> Void
  private let ledger = ProgramLedger()

  package init(_ context: DNSProviderContext) throws {
    name = try Self.checkedName(context.requiredArgument())
    home = try Self.home(context)
    let environment = ProcessInfo.processInfo.environment
    guard Self.isInstalled("curl", environment) else {
      throw CertctlError(
        .configuration, "acme.sh scripts require curl, which is not installed",
        hint: "run: apt-get install curl")
    }
    script = try UserProgram(
      Self.path(of: name, in: home), kind: "acme.sh script", environment: context.environment,
      isRun: false, variables: environment)
    warn = context.environment.console.warn
    try requireTrust(environment)
  }

  /// Rejects, as root, acme.sh settings that another user can change.
  ///
  /// The script trusts them, and writes to the same files.
  private func requireTrust(_ environment: [String: String]) throws {
    guard SystemAccount.isRoot else { return }
    let settings = environment["LE_CONFIG_HOME"] ?? home
    let account = environment["ACCOUNT_CONF_PATH"] ?? "\(settings)/account.conf"
    do throws(HostError) {
      for folder in [home, settings] { _ = try TrustedPath.ifPresent(folder, .folder) }
      _ = try TrustedPath.ifPresent(account, .file)
    } catch {
      throw CertctlError(
        .configuration,
        "cannot use the acme.sh settings in \(home) as root: "
          + (error.detail ?? error.description),
        hint:
          "run certctl as the owner of acme.sh, or copy dnsapi/ and account.conf to a directory "
          + "that root owns, and set ACMESH_HOME to it")
    }
  }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.publish(records) { record, _ in
      try await call("add", record, to: "add \(record.name)")
      return ""
    }
  }

  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.remove(records) { record, _ in
      try await call("rm", record, to: "remove \(record.name)")
    }
  }

  private func call(_ verb: String, _ record: ChallengeRecord, to action: String) async throws {
    var command = Command(
      "/bin/sh",
      ["-s", "--", script.path, name, verb, home, record.domain, record.name, record.value])
    command.environment = script.variables
    command.input = AcmeShim.script
    let result = try await script.run(command, to: action)
    let prefix = AcmeShim.warningPrefix
    for line in result.output.split(whereSeparator: \.isNewline) where line.hasPrefix(prefix) {
      warn("\(script.title): \(script.shown(String(line.dropFirst(prefix.count)), limit: 300))")
    }
  }

  // MARK: - Locations

  /// Returns a name that is safe as both a file name and a shell function name.
  private static func checkedName(_ name: String) throws -> String {
    let isFit = name.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
    }
    guard isFit, name.hasPrefix("dns_") else {
      throw CertctlError(
        .usage, "'\(name)' is not the name of an acme.sh DNS script",
        hint: "use the name without path and .sh, such as --dns acmesh:dns_cf")
    }
    return name
  }

  private static func home(_ context: DNSProviderContext) throws -> String {
    let given = context.optional("ACMESH_HOME")
    let home = given ?? FileManager.default.homeDirectoryForCurrentUser.path + "/.acme.sh"
    guard home.hasPrefix("/") else {
      throw context.wrong("ACMESH_HOME", "must be an absolute path")
    }
    guard FileManager.default.fileExists(atPath: home) else {
      throw CertctlError(
        .configuration, "acme.sh is not installed in \(home)",
        hint: "set ACMESH_HOME to a directory that contains dnsapi/, in the environment or in "
          + "[dns-credentials] of certctl.toml")
    }
    return home
  }

  private static func path(of name: String, in home: String) throws -> String {
    let places = ["\(home)/dnsapi/\(name).sh", "\(home)/\(name).sh"]
    if let path = places.first(where: { FileManager.default.fileExists(atPath: $0) }) {
      return path
    }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(home)/dnsapi")) ?? []
    let near = files.filter { $0.hasPrefix(name.prefix(6)) && $0.hasSuffix(".sh") }.sorted()
      .prefix(5).map { "acmesh:\($0.dropLast(3))" }
    throw CertctlError(
      .configuration,
      "acme.sh in \(home) has no DNS script \(name)",
      hint: near.isEmpty
        ? "for a list, run: ls \(home)/dnsapi" : "use \(near.joined(separator: " or "))")
  }

  /// Returns whether a program is in the search path of the script.
  static func isInstalled(_ program: String, _ environment: [String: String]) -> Bool {
    (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
    }
  }
}
