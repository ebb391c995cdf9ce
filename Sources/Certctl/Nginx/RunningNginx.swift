import FoundationEssentials
import HostIO

/// An nginx that runs: on this host, or in a container of it; not one that could be started.
package struct RunningNginx: Sendable, Equatable {
  /// The number of its master process, as this host counts.
  let pid: Int32
  /// The path of the program.
  let executable: String
  /// The options that say which configuration it runs with: `-c`, `-p`, `-g`, `-e`.
  let options: [String]
  /// The unit of systemd that runs it, if one does.
  let unit: String?
  /// The container that it runs in; nil on the host itself.
  package var container: NginxContainer?

  /// What the titles of master processes begin with.
  static let title = "nginx: master process "

  /// Those that run on the host itself; blocks.
  static func find() -> [RunningNginx] {
    // Another user's cannot be asked, and not be told either.
    ProcessTable.processes(titled: title).filter(\.isOurs)
      .compactMap { RunningNginx($0) }
  }

  /// Reads the title that the master gives itself: its own command line.
  ///
  /// In a container the program is found by the container's own `PATH`.
  init?(_ process: RunningProcess, in container: NginxContainer? = nil) {
    var words = process.title.dropFirst(Self.title.count).split(separator: " ").map(String.init)
    guard process.title.hasPrefix(Self.title), !words.isEmpty else { return nil }
    let program = words.removeFirst()
    var options: [String] = []
    while !words.isEmpty {
      let word = words.removeFirst()
      guard ["-c", "-p", "-e", "-g"].contains(word), !words.isEmpty else { continue }
      // The value of -g has spaces in it, and the title does not say where it ends.
      var value = [words.removeFirst()]
      while word == "-g", let next = words.first, !["-c", "-p", "-e"].contains(next) {
        value.append(next)
        words.removeFirst()
      }
      options += [word, value.joined(separator: " ")]
    }
    let isPath = program.hasPrefix("/") || container != nil
    guard let path = isPath ? program : Self.inUsualPlaces(program) else { return nil }
    self.init(
      pid: process.pid, executable: path, options: options, unit: process.unit,
      container: container)
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

  private static func inUsualPlaces(_ name: String) -> String? {
    ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/nginx/sbin", "/usr/local/bin"]
      .map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// The command that prints the whole configuration, after testing it.
  var dump: Command { command(["-T", "-q"] + options, outputLimit: 64 << 20) }

  /// The main file that it was started with; nil for the one that was built in.
  var configurationFile: String? {
    options.firstIndex(of: "-c").map { options[$0 + 1] }.map { path in
      let prefix = options.firstIndex(of: "-p").map { options[$0 + 1] } ?? ""
      return path.hasPrefix("/") ? path : "\(prefix)/\(path)"
    }
  }

  /// The command that tells how it was built.
  var version: Command { command(["-V"]) }

  /// The main file that was built in, from what `-V` says.
  static func builtIn(_ version: String) -> String {
    let mark = "--conf-path="
    guard let start = version.ranges(of: mark).first?.upperBound else {
      return "/etc/nginx/nginx.conf"
    }
    return String(version[start...].prefix { $0 != " " && $0 != "\n" })
  }

  /// The command that tests the configuration.
  var test: Command { command(["-t", "-q"] + options) }

  /// The command that tests another main file, and prints that whole configuration.
  ///
  /// Includes that are relative are relative to its folder.
  ///
  /// - Parameter path: Its absolute path, as nginx sees it.
  /// - Returns: The command.
  func dump(configuration path: String) -> Command {
    var others = options
    while let index = others.firstIndex(of: "-c") { others.removeSubrange(index...(index + 1)) }
    return command(["-T", "-q"] + others + ["-c", path], outputLimit: 64 << 20)
  }

  /// The command that makes it load its configuration anew, without losing a connection.
  ///
  /// The service manager is asked where one runs it, so that it knows. In a container nginx itself
  /// sends the signal: one that the engine sends says nothing of a configuration that is refused,
  /// reaches whatever is the first process, and can spoil the restart policy.
  var reload: Command {
    let manager = "/usr/bin/systemctl"
    if container == nil, let unit, FileManager.default.isExecutableFile(atPath: manager),
      FileManager.default.fileExists(atPath: "/run/systemd/system")
    {
      return Command(manager, ["reload", unit])
    }
    return command(["-s", "reload"] + options)
  }

  /// The program with these arguments, run where it runs.
  private func command(_ arguments: [String], outputLimit: Int = 64 << 10) -> Command {
    let limit = Duration.seconds(600)
    if let container {
      return container.command([executable] + arguments, within: limit, outputLimit: outputLimit)
    }
    return Command(executable, arguments, timeLimit: limit, outputLimit: outputLimit)
  }
}
