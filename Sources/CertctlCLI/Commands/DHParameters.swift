import ArgumentParser
import CertctlBase
import CertctlCrypto
import CertctlStore
import Synchronization

/// `certctl dhparam`: creates and checks parameters for nginx's `ssl_dhparam`.
struct DHParam: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dhparam",
    abstract: "Create or check DH parameters (rarely needed).",
    usage: "certctl dhparam [<options>]",
    discussion: """
      Examples:
        certctl dhparam --out /etc/nginx/dhparam.pem
        certctl dhparam --bits 4096 > dhparam.pem
        certctl dhparam --generate --bits 3072 --out dhparam.pem
        certctl dhparam --check /etc/nginx/dhparam.pem

      You probably do not need DH parameters: browsers no longer use DHE, and Mozilla's guideline dropped it in version 6.0. nginx uses them only if ssl_dhparam is set and ssl_ciphers includes DHE suites.

      By default certctl writes a group of RFC 7919 immediately. The group is public, and any number of servers can use it. With --generate, certctl searches for a new safe prime on all cores. The search time varies. The progress bar shows the probability that a search ends within the elapsed time.

      Exit code 1 if --check finds a fault.
      """)

  @Option(help: ArgumentHelp("Size of the prime in bits. Default: 2048.", valueName: "bits"))
  var bits: DHSize?

  @Option(
    help: ArgumentHelp(
      "Write atomically to this file instead of stdout.", valueName: "file"))
  var out: String?

  @Flag(help: "Generate a new safe prime instead of using a group of RFC 7919.")
  var generate = false

  @Option(help: ArgumentHelp("Check the parameters in this file.", valueName: "file"))
  var check: String?

  @Flag(help: "Replace a file that has other contents.") var force = false

  @OptionGroup(title: "General") var global: GlobalOptions

  func validate() throws {
    if check != nil, bits != nil || out != nil || generate || force {
      throw ValidationError("--check cannot be combined with --generate, --bits, --out or --force")
    }
    if check == "" { throw ValidationError("--check requires the path of a file") }
    if out == "" { throw ValidationError("--out requires the path of a file") }
    if force && out == nil { throw ValidationError("--force requires --out") }
  }

  func run() async throws {
    if let check { return try await self.check(file: check) }
    try await Bootstrap.runAlone(global) { output, line in try await make(output, line) }
  }

  private func make(_ output: Output, _ line: ProgressLine) async throws {
    let bits = (bits ?? .bits2048).number
    let file = try out.map { try DHParametersFile(path: absolutePath($0)) }
    let standard = generate ? nil : try DHParameters.standard(bits: bits)
    var isChanged = try await file?.needsWriting(standard, force: force) ?? true
    output.note(
      "Mozilla's guideline dropped DHE in version 6.0: nginx uses DH parameters only if "
        + "ssl_ciphers includes DHE suites.")
    var report = DHParametersReport(bits: bits, file: file?.path)
    let parameters: DHParameters
    if let standard {
      parameters = standard
    } else {
      let display = DHProgressDisplay(output, line)
      parameters = try await generateDHParameters(bits: bits) { display.show($0) }
      report.candidates = display.candidates
      // Another process may have written the file during the search.
      isChanged = try await file?.needsWriting(parameters, force: force) ?? true
    }
    if isChanged { try await file?.write(parameters) }
    report.fill(parameters, isChanged: isChanged)
    output.result(report, isVerbatim: file == nil, text: report.text(parameters))
  }

  private func check(file path: String) async throws {
    let isFine = try await Bootstrap.runAlone(global) { output, _ in
      let file = try DHParametersFile(path: absolutePath(path))
      let parameters = try await file.read()
      let check = try await parameters.checked()
      let report = DHCheckReport(file: file.path, parameters, check)
      output.result(report, text: report.text)
      return check.isFine
    }
    if !isFine { throw ExitCode.failure }
  }
}

/// The size of DH parameters in bits.
enum DHSize: String, ExpressibleByArgument, CaseIterable {
  case bits2048 = "2048"
  case bits3072 = "3072"
  case bits4096 = "4096"
  case bits8192 = "8192"

  var number: Int { Int(rawValue) ?? 2048 }
}
