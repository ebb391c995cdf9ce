import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

extension NginxDeployment {
  /// The nginx of this host and of its containers.
  package struct Survey: Sendable {
    /// The nginx that were queried, with their configurations.
    package var places: [NginxInstallation] = []
    /// The processes of this host that were ignored.
    var refused: [RefusedNginx] = []

    /// The ignored processes that may serve certificates.
    package var unasked: [RefusedNginx] { refused.filter(\.mayServe) }
  }

  /// Returns the running nginx, each with the servers that use a target.
  @Disk package func uses(of targets: [Target], in survey: Survey) -> [Use] {
    survey.places.map { place in
      Use(place: place, servers: servers(in: place.configuration, of: place.nginx, using: targets))
    }
  }

  /// Returns the first ignored nginx that serves this target according to its files.
  ///
  /// It only reads files and runs nothing. An nginx whose files cannot be read may serve anything.
  @Disk package func unasked(serving target: Target, in survey: Survey) -> RefusedNginx? {
    survey.unasked.first { refused in
      guard let nginx = RunningNginx(refused.process) else { return false }
      let main = nginx.configurationFile ?? "/etc/nginx/nginx.conf"
      let configuration = NginxConfiguration(reading: main)
      return configuration.texts.isEmpty
        || servers(in: configuration, of: nginx, using: [target])[target.name] != nil
    }
  }

  /// Finds the running nginx on this host and in the containers.
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
        // A stopped nginx reads the current files when it starts.
        environment.console.warn("skipped container \(name): \(error.message)")
      }
    }
    var survey = Survey(refused: found.refused)
    for nginx in running {
      switch try await attempt({ try await place(of: nginx) }) {
      case .success(let place): survey.places.append(place)
      case .failure(let error):
        environment.console.logger.info("cannot query \(nginx.executable): \(error)")
        guard let process = nginx.process, nginx.container == nil,
          ProcessTable.process(process.pid)?.started == process.started
        else { continue }
        survey.refused.append(RefusedNginx(process, error.message, mayServe: true))
      }
    }
    return survey
  }

  /// Reads the configuration of an nginx from the output of `-T`.
  ///
  /// If nginx rejects its configuration, `-T` prints nothing, and the files are read instead.
  package func place(of nginx: RunningNginx) async throws -> NginxInstallation {
    let result = try await nginx.dump.run(by: environment.runner)
    let configuration: NginxConfiguration
    if let main = nginx.mainFile {
      // In the output of `-T`, a file of another user could claim to be the main file.
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
        .configuration,
        "cannot access \(folder) of the container: it is not mounted from here",
        hint: "mount it from a directory of this host")
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
