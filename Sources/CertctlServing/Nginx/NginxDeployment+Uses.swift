import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

extension NginxDeployment {
  /// The nginx of this host and of the containers.
  package struct Survey: Sendable {
    /// Those that were asked, with their configurations.
    package var places: [NginxInstallation] = []
    /// Those of this host that were left alone.
    var refused: [RefusedNginx] = []

    /// Those of them that may well serve certificates.
    package var unasked: [RefusedNginx] { refused.filter(\.mayServe) }
  }

  /// The nginx that run here, each with the servers that use a target.
  @Disk package func uses(of targets: [Target], in survey: Survey) -> [Use] {
    survey.places.map { place in
      Use(place: place, servers: servers(in: place.configuration, of: place.nginx, using: targets))
    }
  }

  /// The first nginx that was left alone and serves this target, as far as its files tell.
  ///
  /// Nothing is run: its files are only read. Where they cannot be, it may serve anything.
  @Disk package func unasked(serving target: Target, in survey: Survey) -> RefusedNginx? {
    survey.unasked.first { refused in
      guard let nginx = RunningNginx(refused.process) else { return false }
      let main = nginx.configurationFile ?? "/etc/nginx/nginx.conf"
      let configuration = NginxConfiguration(reading: main)
      return configuration.texts.isEmpty
        || servers(in: configuration, of: nginx, using: [target])[target.name] != nil
    }
  }

  /// Looks at the nginx that run, on this host and in the containers.
  package func survey() async throws -> Survey {
    let found = try await NginxSearch(state: state, environment: environment).run()
    var running = found.running
    for name in containers {
      let found = try await attempt {
        try await RunningNginx.inContainer(name, runner: environment.runner)
      }
      switch found {
      case .success(let nginx): running.append(nginx)
      case .failure(let error):
        // One that does not run loads what is in place when it starts.
        environment.console.warn("the container \(name) is passed over: \(error.message)")
      }
    }
    var survey = Survey(refused: found.refused)
    for nginx in running {
      switch try await attempt({ try await place(of: nginx) }) {
      case .success(let place): survey.places.append(place)
      case .failure(let error):
        environment.console.logger.info("\(nginx.executable) cannot be asked: \(error)")
        guard let process = nginx.process, nginx.container == nil,
          ProcessTable.process(process.pid)?.started == process.started
        else { continue }
        survey.refused.append(RefusedNginx(process, error.message, mayServe: true))
      }
    }
    return survey
  }

  /// The configuration of an nginx: what `-T` prints, or, as it prints nothing of what it refuses,
  /// the files themselves.
  package func place(of nginx: RunningNginx) async throws -> NginxInstallation {
    let result = try await nginx.dump.run(by: environment.runner)
    let configuration: NginxConfiguration
    if let main = nginx.mainFile {
      // A file that another user may write could claim to be the main one in what `-T` prints.
      configuration = await NginxConfiguration(reading: main)
    } else if let dumped = NginxConfiguration(dump: result.output) {
      configuration = dumped
    } else {
      let path: String
      if let given = nginx.configurationFile {
        path = given
      } else {
        path = RunningNginx.builtIn(try await nginx.version.run(by: environment.runner).output)
      }
      configuration = await NginxConfiguration(reading: path, of: nginx)
    }
    let folder = configuration.folder
    guard let hostFolder = nginx.hostPath(folder) else {
      throw CertctlError(
        .configuration, "\(folder) of the container is not a folder of this host",
        hint: "mount it from this host, so that certctl can write there")
    }
    return NginxInstallation(
      nginx: nginx, folder: folder, hostFolder: hostFolder,
      complaint: result.succeeded
        ? nil : NginxControl.complaint(result, logger: environment.console.logger),
      configuration: configuration)
  }

  private func servers(
    in configuration: NginxConfiguration, of nginx: RunningNginx, using targets: [Target]
  ) -> [LineageName: [NginxServer]] {
    let paths = paths
    var found: [LineageName: [NginxServer]] = [:]
    for server in configuration.servers {
      for path in server.certificates {
        guard let word = paths.lineage(of: path, for: nginx),
          let target = targets.first(where: { $0.name.value == word })
        else { continue }
        found[target.name, default: []].append(server)
      }
    }
    return found
  }
}
