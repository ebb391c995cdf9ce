import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials

/// A DNS script of the user's own acme.sh, run under functions of ours.
///
/// acme.sh itself is not run. Its settings are: a script finds there what acme.sh saved, and what it
/// saves goes there.
package struct AcmeSh: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "acmesh", title: "a DNS script of acme.sh",
    documentation: "https://github.com/acmesh-official/acme.sh/wiki/dnsapi",
    settings: [
      .init(
        "ACMESH_HOME", "where acme.sh is installed; ~/.acme.sh without it",
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
        .configuration, "scripts of acme.sh need the program curl, which is not installed",
        hint: "apt-get install curl")
    }
    script = try UserProgram(
      Self.path(of: name, in: home), kind: "acme.sh script", environment: context.environment,
      isRun: false, variables: environment)
    warn = context.environment.console.warn
    try requireTrust(environment)
  }

  /// Refuses, as root, settings of acme.sh that another user can change: the script gets them as they
  /// are, and what it keeps is written there.
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
        "the settings of acme.sh in \(home) are not used as root: "
          + (error.detail ?? error.description),
        hint: "run certctl as the user whose acme.sh it is, or copy dnsapi/ and account.conf to a "
          + "folder of root and name it by ACMESH_HOME")
    }
  }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await ledger.publish(records) { record, _ in
      try await call("add", record, to: "publish \(record.name)")
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

  // MARK: - Where things are

  /// Only such a name is a file's name and a function's name at once.
  private static func checkedName(_ name: String) throws -> String {
    let isFit = name.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
    }
    guard isFit, name.hasPrefix("dns_") else {
      throw CertctlError(
        .usage, "'\(name)' is no name of a DNS script of acme.sh",
        hint: "give it without path and .sh, such as --dns acmesh:dns_cf")
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
        hint: "say where it is by ACMESH_HOME, in the environment or in [dns-credentials] of "
          + "certctl.toml; a folder with dnsapi/ of its source is enough")
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
        ? "ls \(home)/dnsapi shows which there are" : "there are: \(near.joined(separator: ", "))")
  }

  /// Whether the script will find a program.
  static func isInstalled(_ program: String, _ environment: [String: String]) -> Bool {
    (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
    }
  }
}
