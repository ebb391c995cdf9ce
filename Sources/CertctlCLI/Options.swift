import ArgumentParser

/// The options of every command.
struct GlobalOptions: ParsableArguments {
  @Option(
    name: .customLong("state-dir"),
    help: ArgumentHelp(
      "State directory for certificates, keys and accounts. Default: $CERTCTL_STATE_DIR, else "
        + "/var/lib/certctl.", valueName: "dir"))
  var stateDirectory: String?

  @Option(
    help: ArgumentHelp(
      "Configuration file. Default: /etc/certctl/certctl.toml, if it exists.",
      valueName: "file"))
  var config: String?

  @Flag(help: "Print one JSON object, also for errors, and never ask.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print only results, warnings and errors.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Print each step.")
  var verbose = false

  @Option(
    name: .customLong("lock-timeout"),
    help: ArgumentHelp("Time to wait for another certctl process.", valueName: "seconds"))
  var lockTimeout = 300

  func validate() throws {
    guard (0...86400).contains(lockTimeout) else {
      throw ValidationError("--lock-timeout requires 0 to 86400 seconds")
    }
    if quiet && verbose { throw ValidationError("--quiet and --verbose cannot be combined") }
    if stateDirectory == "" {
      throw ValidationError("--state-dir requires the path of a directory")
    }
  }

  var output: Output { Output(json: json, quiet: quiet, verbose: verbose) }

  /// The directory of the configuration file and `hooks`.
  var configDirectory: String {
    guard let config else { return "/etc/certctl" }
    let path = absolutePath(config)
    let folder = path[..<(path.lastIndex(of: "/") ?? path.endIndex)]
    return folder.isEmpty ? "/" : String(folder)
  }

  /// Returns the arguments with the global options before the command moved to the end.
  ///
  /// The parser accepts `certctl list --json`, but not `certctl --json list`.
  static func moved(behindCommand arguments: [String]) -> [String] {
    let flags: Set = ["--json", "--quiet", "-q", "--verbose", "-v"]
    let options: Set = ["--state-dir", "--config", "--lock-timeout"]
    var index = 0
    while index < arguments.count {
      let argument = arguments[index]
      guard flags.contains(argument) || options.contains(String(argument.prefix { $0 != "=" }))
      else {
        break
      }
      index += options.contains(argument) ? 2 : 1
    }
    guard index > 0, index < arguments.count else { return arguments }
    let rest = arguments[index...]
    let end = rest.firstIndex(of: "--") ?? rest.endIndex
    return Array(rest[..<end] + arguments[..<index] + rest[end...])
  }
}

/// The options that name a CA.
struct AuthorityOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "CA: letsencrypt, letsencrypt-staging, google, zerossl, sslcom, actalis, or a directory "
        + "URL. Default: letsencrypt.", valueName: "ca"))
  var ca: String?

  @Option(
    name: .customLong("ca-bundle"),
    help: ArgumentHelp(
      "PEM file of trusted certificates for the CA's HTTPS server. Default: the system's store.",
      valueName: "file"))
  var caBundle: String?
}
