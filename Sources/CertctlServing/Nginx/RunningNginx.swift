package import CertctlStore
package import CertctlSystem
import FoundationEssentials

/// A running nginx, on this host or in a container.
package struct RunningNginx: Sendable {
  /// The process ID of its master process on this host.
  package let pid: Int32
  /// The path of the program.
  package let executable: String
  /// The options that select its configuration: `-c`, `-p`, `-g`, `-e`.
  let options: [String]
  /// The systemd unit that runs it and can reload it; nil if there is none.
  package var unit: String?
  /// Its master process when it was found; nil if it was created from values.
  var process: RunningProcess?
  /// The program after it was checked; nil if it was not checked.
  var program: TrustedPath?
  /// The absolute path of its main file, as nginx sees it; nil if unknown.
  var mainFile: String?
  /// A warning for each file included in a block that another user can change.
  ///
  /// Root included it and so trusts that user.
  package var foreignFiles: [String] = []
  /// The container that it runs in; nil for this host.
  package var container: NginxContainer?

  /// The start of the titles of master processes.
  static let title = "nginx: master process "

  /// Parses the title of a master process, which is its own command line.
  ///
  /// A container resolves the program with its own `PATH`.
  package init?(_ process: RunningProcess, in container: NginxContainer? = nil) {
    var words = process.title.dropFirst(Self.title.count).split(separator: " ").map(String.init)
    guard process.title.hasPrefix(Self.title), !words.isEmpty else { return nil }
    let program = words.removeFirst()
    var options: [String] = []
    while !words.isEmpty {
      var word = words.removeFirst()
      guard let option = ["-c", "-p", "-e", "-g"].first(where: word.hasPrefix) else { continue }
      // The value can follow directly: -c/etc/nginx.conf.
      if word.count > 2 { words.insert(String(word.dropFirst(2)), at: 0) }
      word = option
      guard !words.isEmpty else { continue }
      // The value of -g contains spaces, and the title does not mark its end.
      var value = [words.removeFirst()]
      while word == "-g", let next = words.first, !["-c", "-p", "-e"].contains(next) {
        value.append(next)
        words.removeFirst()
      }
      options += [word, value.joined(separator: " ")]
    }
    let isPath = program.hasPrefix("/") || container != nil
    guard let path = isPath ? program : Self.place(of: program, process) else { return nil }
    self.init(
      pid: process.pid, executable: path, options: options, unit: process.unit,
      container: container)
    self.process = process
  }

  /// Creates an nginx from values.
  init(
    pid: Int32, executable: String, options: [String], unit: String?,
    container: NginxContainer? = nil
  ) {
    self.pid = pid
    self.executable = executable
    self.options = options
    self.unit = unit
    self.container = container
  }

  /// Returns the path of a program that the title names without a path.
  private static func place(of name: String, _ process: RunningProcess) -> String? {
    if case .file(let path, _) = process.program { return path }
    return ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/nginx/sbin", "/usr/local/bin"]
      .map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// The command that tests and prints the whole configuration.
  var dump: NginxCommand { command(["-T", "-q"] + options, outputLimit: 64 << 20) }

  /// Returns the last value of an option, which is the one that nginx uses.
  func option(_ name: String) -> String? {
    stride(from: 0, to: options.count - 1, by: 2).filter { options[$0] == name }.last
      .map { options[$0 + 1] }
  }

  /// The main file from its options; nil for the built-in default.
  var configurationFile: String? {
    option("-c").map { $0.hasPrefix("/") ? $0 : "\(option("-p") ?? "")/\($0)" }
  }

  /// The command that prints its version and build options.
  package var version: NginxCommand { command(["-V"]) }

  /// Returns the built-in path of the main file.
  ///
  /// - Parameters:
  ///   - version: The output of `-V`.
  ///   - prefix: The base of relative paths; nil for the built-in one.
  /// - Returns: The absolute path.
  static func builtIn(_ version: String, _ prefix: String? = nil) -> String {
    let path = built("--conf-path=", version) ?? "conf/nginx.conf"
    return path.hasPrefix("/") ? path : "\(prefix ?? builtInPrefix(version))/\(path)"
  }

  /// Returns the built-in base of relative paths, from the output of `-V`.
  static func builtInPrefix(_ version: String) -> String {
    built("--prefix=", version) ?? "/usr/local/nginx"
  }

  /// Returns the value of a `configure` argument, from the output of `-V`; nil if it is not set.
  static func built(_ argument: String, _ version: String) -> String? {
    version.ranges(of: argument).first.map { range in
      String(version[range.upperBound...].prefix { $0 != " " && $0 != "\n" })
    }
  }

  /// The command that tests the configuration.
  var test: NginxCommand { command(["-t", "-q"] + options) }

  /// Returns the command that tests and prints the configuration of another main file.
  ///
  /// Relative includes are relative to the directory of that file.
  ///
  /// - Parameter path: The absolute path of the file, as nginx sees it.
  /// - Returns: The command.
  func dump(configuration path: String) -> NginxCommand {
    var others = options
    while let index = others.firstIndex(of: "-c") { others.removeSubrange(index...(index + 1)) }
    return command(["-T", "-q"] + others + ["-c", path], outputLimit: 64 << 20)
  }

  /// The path of systemctl.
  static let serviceManager = "/usr/bin/systemctl"

  /// Whether this machine runs systemd.
  static var hasServiceManager: Bool {
    FileManager.default.isExecutableFile(atPath: serviceManager)
      && FileManager.default.fileExists(atPath: "/run/systemd/system")
  }

  /// A way to reload the configuration without losing connections.
  enum Reload: Sendable {
    /// Through systemd, if it runs nginx, so that systemd knows of the reload.
    case service(Command)
    /// With nginx's own command, in a container. A signal from the engine goes to the first
    /// process, which may be another program, and can break the restart policy.
    case ownCommand
    /// With a signal to the master process. nginx's own command would signal the process in the pid
    /// file, which can be stale or written by another user.
    case signal(RunningProcess)
  }

  /// The way to reload this nginx.
  var reload: Reload {
    if container == nil, let unit, Self.hasServiceManager {
      return .service(Command(Self.serviceManager, ["reload", "--", unit]))
    }
    if container == nil, let process { return .signal(process) }
    return .ownCommand
  }

  /// nginx's own command to reload the configuration.
  var ownReload: NginxCommand { command(["-s", "reload"] + options) }

  /// The values by which a later run finds it again.
  package var reference: Transaction.ServerReference {
    .init(container: container?.name, executable: executable, options: options)
  }

  /// Returns the program with these arguments.
  private func command(_ arguments: [String], outputLimit: Int = 64 << 10) -> NginxCommand {
    NginxCommand(
      container: container, executable: executable, arguments: arguments, outputLimit: outputLimit)
  }
}
