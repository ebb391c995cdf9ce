package import CertctlStore
package import CertctlSystem
import FoundationEssentials

/// An nginx that runs: on this host, or in a container of it; not one that could be started.
package struct RunningNginx: Sendable {
  /// The number of its master process, as this host counts.
  package let pid: Int32
  /// The path of the program.
  package let executable: String
  /// The options that say which configuration it runs with: `-c`, `-p`, `-g`, `-e`.
  let options: [String]
  /// The unit of systemd that runs it and can reload it, if one does.
  package var unit: String?
  /// Its master process, as it was looked at; nil for one that was described by hand.
  var process: RunningProcess?
  /// The program, as it was checked; nil where nobody checked it.
  var program: TrustedPath?
  /// The absolute path of its main file, as nginx sees it; nil where it was not asked for.
  var mainFile: String?
  /// A sentence for each file inside of a block that another user can change.
  ///
  /// Root has included it, and so trusts that user.
  package var foreignFiles: [String] = []
  /// The container that it runs in; nil on the host itself.
  package var container: NginxContainer?

  /// What the titles of master processes begin with.
  static let title = "nginx: master process "

  /// Reads the title that the master gives itself: its own command line.
  ///
  /// In a container the program is found by the container's own `PATH`.
  package init?(_ process: RunningProcess, in container: NginxContainer? = nil) {
    var words = process.title.dropFirst(Self.title.count).split(separator: " ").map(String.init)
    guard process.title.hasPrefix(Self.title), !words.isEmpty else { return nil }
    let program = words.removeFirst()
    var options: [String] = []
    while !words.isEmpty {
      var word = words.removeFirst()
      guard let option = ["-c", "-p", "-e", "-g"].first(where: word.hasPrefix) else { continue }
      // The value may follow at once: -c/etc/nginx.conf.
      if word.count > 2 { words.insert(String(word.dropFirst(2)), at: 0) }
      word = option
      guard !words.isEmpty else { continue }
      // The value of -g has spaces in it, and the title does not say where it ends.
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

  /// Describes one.
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

  /// The path of a program that the title does not name by its path.
  private static func place(of name: String, _ process: RunningProcess) -> String? {
    if case .file(let path, _) = process.program { return path }
    return ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/nginx/sbin", "/usr/local/bin"]
      .map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// The command that prints the whole configuration, after testing it.
  var dump: NginxCommand { command(["-T", "-q"] + options, outputLimit: 64 << 20) }

  /// The value of an option that it was started with; of one given twice the last, as nginx does.
  func option(_ name: String) -> String? {
    stride(from: 0, to: options.count - 1, by: 2).filter { options[$0] == name }.last
      .map { options[$0 + 1] }
  }

  /// The main file that it was started with; nil for the one that was built in.
  var configurationFile: String? {
    option("-c").map { $0.hasPrefix("/") ? $0 : "\(option("-p") ?? "")/\($0)" }
  }

  /// The command that tells how it was built.
  package var version: NginxCommand { command(["-V"]) }

  /// The main file that was built in, from what `-V` says.
  ///
  /// - Parameters:
  ///   - version: What `-V` says.
  ///   - prefix: Where relative paths begin; nil for the folder that was built in.
  /// - Returns: Its absolute path.
  static func builtIn(_ version: String, _ prefix: String? = nil) -> String {
    let path = built("--conf-path=", version) ?? "conf/nginx.conf"
    return path.hasPrefix("/") ? path : "\(prefix ?? builtInPrefix(version))/\(path)"
  }

  /// The folder where relative paths begin that was built in, from what `-V` says.
  static func builtInPrefix(_ version: String) -> String {
    built("--prefix=", version) ?? "/usr/local/nginx"
  }

  /// The value of an argument of `configure`, from what `-V` says; nil when it was not given.
  static func built(_ argument: String, _ version: String) -> String? {
    version.ranges(of: argument).first.map { range in
      String(version[range.upperBound...].prefix { $0 != " " && $0 != "\n" })
    }
  }

  /// The command that tests the configuration.
  var test: NginxCommand { command(["-t", "-q"] + options) }

  /// The command that tests another main file, and prints that whole configuration.
  ///
  /// Includes that are relative are relative to its folder.
  ///
  /// - Parameter path: Its absolute path, as nginx sees it.
  /// - Returns: The command.
  func dump(configuration path: String) -> NginxCommand {
    var others = options
    while let index = others.firstIndex(of: "-c") { others.removeSubrange(index...(index + 1)) }
    return command(["-T", "-q"] + others + ["-c", path], outputLimit: 64 << 20)
  }

  /// The service manager's command line.
  static let serviceManager = "/usr/bin/systemctl"

  /// Whether systemd runs this machine.
  static var hasServiceManager: Bool {
    FileManager.default.isExecutableFile(atPath: serviceManager)
      && FileManager.default.fileExists(atPath: "/run/systemd/system")
  }

  /// How it is made to load its configuration anew, without losing a connection.
  enum Reload: Sendable {
    /// By the service manager, where one runs it, so that it knows.
    case service(Command)
    /// By nginx's own command, in a container: a signal that the engine sends reaches whatever is the
    /// first process, and can spoil the restart policy.
    case ownCommand
    /// By a signal to its master process. nginx's own command would send it to whatever process the
    /// pid file names, which may be gone, old, or somebody else's to write.
    case signal(RunningProcess)
  }

  /// How it is made to load its configuration anew.
  var reload: Reload {
    if container == nil, let unit, Self.hasServiceManager {
      return .service(Command(Self.serviceManager, ["reload", "--", unit]))
    }
    if container == nil, let process { return .signal(process) }
    return .ownCommand
  }

  /// nginx's own command to load its configuration anew.
  var ownReload: NginxCommand { command(["-s", "reload"] + options) }

  /// What a later run finds it again by.
  package var reference: Transaction.ServerReference {
    .init(container: container?.name, executable: executable, options: options)
  }

  /// The program with these arguments, run where it runs.
  private func command(_ arguments: [String], outputLimit: Int = 64 << 10) -> NginxCommand {
    NginxCommand(
      container: container, executable: executable, arguments: arguments, outputLimit: outputLimit)
  }
}
