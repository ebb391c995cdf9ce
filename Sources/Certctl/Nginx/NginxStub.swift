import HostIO

extension RunningNginx {
  var container: String? { nil }
  func hostPath(_ path: String) -> String? { path }
  func serverPath(_ path: String) -> String? { path }
  func endpoint(_ listen: Endpoint) -> Endpoint? { listen }
  static func inContainer(_ name: String, runner: any CommandRunner) async throws -> RunningNginx {
    throw CertctlError(.notFound, "no containers yet")
  }
  func dump(configuration: String) -> Command {
    var rest = options
    if let index = rest.firstIndex(of: "-c") { rest.removeSubrange(index...(index + 1)) }
    return Command(executable, ["-T", "-q"] + rest + ["-c", configuration], outputLimit: 64 << 20)
  }
  func configuration(reading path: String) -> NginxConfiguration {
    NginxConfiguration(reading: path)
  }
}
