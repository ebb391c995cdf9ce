import CertctlBase
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlServing

/// nginx in a container of a real engine: discovery, commands, addresses and mounts.
@Suite(.serialized, .timeLimit(.minutes(30)))
struct DockerNginxTests {
  @Test(.needsDocker, .needsPebble, .requires("docker-compose"))
  func `nginx from the compose file is found, tested and reloaded without a warning`() async throws
  {
    try await DockerHost.run { host in
      try await host.composeUp()
      let nginx = try await host.nginx()
      #expect(nginx.executable == "nginx")
      #expect(nginx.options == ["-g", "daemon off;"])
      #expect(nginx.hostPath("/etc/nginx/nginx.conf") == "\(host.nginxFolder)/nginx.conf")
      #expect(nginx.serverPath("\(host.stateDirectory)/live/a") == "\(host.stateDirectory)/live/a")
      #expect(nginx.serverPath("\(host.stateDirectory)/accounts") == nil)
      let warnings = try await nginx.checkMounts(
        stateDirectory: host.stateDirectory, copy: nil, keys: .init(mode: 0o600))
      #expect(warnings == [])

      let runner = ProcessRunner()
      #expect(try await nginx.test.run(by: runner).succeeded)
      let version = try await nginx.version.run(by: runner).output
      #expect(version.contains("--conf-path=/etc/nginx/nginx.conf"))
      let dump = try await nginx.dump.run(by: runner).output
      #expect(dump.contains("# configuration file /etc/nginx/conf.d/default.conf:"))
      let listen = Endpoint(host: "127.0.0.1", port: 80)
      #expect(nginx.endpoint(listen) == Endpoint(host: "127.0.0.1", port: host.httpPort))
      let own = try #require(nginx.endpoint(Endpoint(host: "127.0.0.1", port: 8080)))
      #expect(own.host != "127.0.0.1" && own.port == 8080)

      // The container loads a file that certctl writes on the host.
      try host.folder.write(
        "nginx/conf.d/new.conf", "server { listen 80; server_name new.test; return 418; }\n")
      #expect(try await nginx.ownReload.run(by: runner).succeeded)
      try await poll("the new server") { try await host.get("/", host: "new.test").status == 418 }

      try host.folder.write("nginx/conf.d/new.conf", "server { listen 80; nonsense; }\n")
      let refused = try await nginx.test.run(by: runner)
      #expect(refused.ending == .exited(1))
      #expect(refused.output.contains("unknown directive \"nonsense\""))
      #expect(try await nginx.ownReload.run(by: runner).ending == .exited(1))
      #expect(try await host.get("/", host: "new.test").status == 418)
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `missing, paused and stopped containers and one without nginx are told apart`() async throws
  {
    try await DockerHost.run { host in
      let unknown = try await failure(host)
      #expect(unknown.code == .notFound)

      try await host.fillNginxFolder()
      try await host.startNginx(volumes: host.volumes)
      _ = try await host.nginx()
      try await host.docker("pause", host.name).requireSuccess("pause")
      let paused = try await failure(host)
      #expect(paused.hint == "run: docker unpause \(host.name)")
      try await host.docker("unpause", host.name).requireSuccess("unpause")
      try await host.docker("stop", host.name).requireSuccess("stop")
      let stopped = try await failure(host)
      #expect(stopped.message.contains("is not running (exited)"))
      #expect(stopped.hint == "run: docker start \(host.name)")
      try await host.docker("rm", host.name).requireSuccess("rm")

      try await host.docker(
        "run", "--detach", "--name", host.name, host.engine.image, "sleep", "60"
      ).requireSuccess("run")
      let without = try await failure(host)
      #expect(without.code == .notFound)
      #expect(without.message == "no nginx runs in container \(host.name)")
    }
  }

  /// Returns the error when looking for nginx.
  private func failure(_ host: DockerHost) async throws -> CertctlError {
    let error = await #expect(throws: CertctlError.self) { try await host.nginx() }
    return try #require(error)
  }

  @Test(.needsDocker, .needsPebble)
  func `an empty directory mounted over the image's one is named as the cause`()
    async throws
  {
    try await DockerHost.run { host in
      // The engine creates the missing folder and leaves it empty.
      try await host.startNginx(volumes: host.volumes)
      try await poll("nginx to give up") {
        try await host.docker("ps", "--quiet", "--filter", "name=\(host.name)").standardOutput
          .isEmpty
      }
      let error = try await failure(host)
      #expect(error.code == .configuration)
      #expect(error.message.contains("which has no nginx.conf"))
      expectText(error.hint, mentions: "tar -C \(host.nginxFolder) -x")

      // Following the hint solves it.
      try await host.fillNginxFolder()
      try await host.docker("start", host.name).requireSuccess("start")
      try await poll("nginx to answer") { try await host.get("/").status == 200 }
      try await host.nginx().checkMounts(stateDirectory: host.stateDirectory, copy: nil)
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `missing and partial mounts are reported`() async throws {
    try await DockerHost.run { host in
      try host.folder.write("state/archive/a.test/0001/fullchain.pem", "chain")
      try host.folder.makeFolder("state/live")
      try FileManager.default.createSymbolicLink(
        atPath: host.folder.path("state/live/a.test"), withDestinationPath: "../archive/a.test/0001"
      )
      try await host.fillNginxFolder()
      let state = host.stateDirectory
      let nginx = host.volumes[0]
      let cases: [([String], String)] = [
        (Array(host.volumes.dropFirst()), "/etc/nginx is not mounted from this host"),
        (
          ["\(host.nginxFolder)/nginx.conf:/etc/nginx/nginx.conf"] + host.volumes.dropFirst(),
          "/etc/nginx/nginx.conf is mounted as a single file"
        ),
        ([nginx], "certificates in \(state)/live are not mounted"),
        ([nginx, "\(state)/live/a.test:/certs"], "only \(state)/live/a.test is mounted"),
        ([nginx, host.volumes[1]], "is mounted without \(state)/archive"),
        (
          [nginx, "\(state)/live:/c/live", "\(state)/archive:/archive"],
          "live is mounted at /c/live and archive at /archive"
        ),
        (
          [nginx, "\(state)/live/a.test/fullchain.pem:/a.pem"], "/a.pem is mounted as a single file"
        ),
      ]
      for (volumes, words) in cases {
        try await host.startNginx(volumes: volumes)
        let error = try await host.mountError()
        #expect(error.code == .configuration)
        #expect(error.message.contains(words), "\(error.message)")
        #expect(error.details.contains { $0.contains("    - ") })
        try await host.docker("rm", "--force", host.name)
      }
      // Mounting the whole state directory works, but exposes more than needed.
      try await host.startNginx(volumes: [nginx, "\(state):\(state):ro"])
      let warnings = try await host.nginx().checkMounts(stateDirectory: state, copy: nil)
      #expect(warnings.first?.contains("only live and archive") == true)
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `a directory replaced after the start is reported`() async throws {
    try await DockerHost.run { host in
      try await host.fillNginxFolder()
      try await host.startNginx(volumes: host.volumes)
      let nginx = try await host.nginx()
      try await nginx.checkMounts(stateDirectory: host.stateDirectory, copy: nil)
      try FileManager.default.moveItem(
        atPath: host.nginxFolder, toPath: host.folder.path("old-nginx"))
      try await host.fillNginxFolder()
      let error = try await host.mountError()
      #expect(error.message.contains("was replaced after the container started"))
      #expect(error.hint == "run: docker restart \(host.name)")
      try await host.docker("restart", host.name).requireSuccess("restart")
      try await host.nginx().checkMounts(stateDirectory: host.stateDirectory, copy: nil)
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `keys that the container's user cannot read are reported`() async throws {
    try await DockerHost.run { host in
      try host.folder.makeFolder("state/live")
      try host.folder.makeFolder("state/archive")
      try await host.fillNginxFolder()
      try await host.startNginx(volumes: host.volumes, options: ["--user", "101"])
      let other = try await host.mountError()
      #expect(other.message.contains("runs as user 101"))
      expectText(other.hint, mentions: "\"user: 101\"")
      try await host.nginx().checkMounts(
        stateDirectory: host.stateDirectory, copy: nil, keys: .init(mode: 0o600, owner: 101))
      // nginx warns that "user" has no effect. The engine sends this line on another stream than
      // the configuration, and it must not end up in the middle.
      let asked = try await host.nginx()
      for _ in 0..<30 {
        let dump = try await asked.dump.run(by: ProcessRunner()).output
        let lines = dump.split(separator: "\n")
        #expect(lines.first?.contains("[warn]") == true)
        #expect(lines.dropFirst().first == "# configuration file /etc/nginx/nginx.conf:")
        #expect(lines.count { $0.contains("[warn]") } == 1)
      }
      try await host.docker("rm", "--force", host.name)

      // Root without the capability to read other users' files.
      let keys = FileAttributes(mode: 0o600, owner: 7, group: 7)
      try await host.startNginx(
        volumes: host.volumes, options: ["--cap-drop", "DAC_OVERRIDE"])
      let nginx = try await host.nginx()
      try await nginx.checkMounts(
        stateDirectory: host.stateDirectory, copy: nil, keys: .init(mode: 0o600, owner: 0))
      let weak = try await host.mountError(keys: keys)
      expectText(weak.hint, mentions: "DAC_OVERRIDE")
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `host networking and a named volume are supported`() async throws {
    try await DockerHost.run { host in
      let volume = "\(host.name)-etc"
      let listen = "daemon off; events {} http { server { listen 127.0.0.1:\(host.httpPort); } }"
      try host.folder.write("own/nginx.conf", listen.replacing("daemon off; ", with: ""))
      try await host.docker(
        "run", "--detach", "--name", host.name, "--network", "host", "--volume",
        "\(volume):/etc/nginx", "--volume", "\(host.folder.path("own")):/own", host.engine.image,
        "nginx", "-c", "/own/nginx.conf", "-g", "daemon off;"
      ).requireSuccess("run")
      let nginx = try await host.nginx()
      let own = Endpoint(host: "127.0.0.1", port: 443)
      #expect(nginx.endpoint(own) == own)
      #expect(nginx.configurationFile == "/own/nginx.conf")
      // The engine fills named volumes from the image; they are folders of this host.
      let path = try #require(nginx.hostPath("/etc/nginx/mime.types"))
      #expect(FileManager.default.fileExists(atPath: path))
      #expect(nginx.serverPath(path) == "/etc/nginx/mime.types")
      try await host.docker("rm", "--force", host.name)
      try await host.docker("volume", "rm", volume)
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `an engine without a command-line client is used through its socket`() async throws {
    try await DockerHost.run { host in
      try await host.fillNginxFolder()
      try await host.startNginx(volumes: host.volumes)
      try await poll("nginx to answer") { try await host.get("/").status == 200 }
      let variables = host.engine.environment.compactMapValues { $0 }
      let runner = ProcessRunner()
      let engines = await EngineEnvironment(variables).engines(in: [], runner: runner)
      #expect(engines.first is SocketEngine)
      let nginx = try await RunningNginx.inContainer(host.name, engines: engines)
      try await nginx.checkMounts(stateDirectory: host.stateDirectory, copy: nil)
      #expect(try await nginx.test.run(by: runner).succeeded)
      let dump = try await nginx.dump.run(by: runner).output
      #expect(dump == (try await host.nginx().dump.run(by: runner).output))
      try host.folder.write("nginx/conf.d/new.conf", "server { server_name new.test; return 418; }")
      #expect(try await nginx.ownReload.run(by: runner).succeeded)
      try await poll("the new server") { try await host.get("/", host: "new.test").status == 418 }
      try host.folder.write("nginx/conf.d/new.conf", "nonsense;")
      let refused = try await nginx.test.run(by: runner)
      #expect(refused.ending == .exited(1))
      #expect(refused.output.contains("unknown directive \"nonsense\""))

      try await host.docker("pause", host.name).requireSuccess("pause")
      let paused = await #expect(throws: CertctlError.self) {
        try await RunningNginx.inContainer(host.name, engines: engines)
      }
      expectError(paused, mentions: "is paused")
      let unknown = await #expect(throws: CertctlError.self) {
        try await RunningNginx.inContainer("certctl-none", engines: engines)
      }
      expectError(unknown, code: .notFound, hint: host.name)
    }
  }
}
