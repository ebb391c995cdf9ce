import CertctlBase
import FoundationEssentials
import Glibc
import HostIO
import TestSupport
import Testing

@testable import Certctl

/// Paths and addresses on both sides of a container's wall, and what its engine says against it.
struct NginxContainerTests {
  @Test func `the innermost mount decides`() throws {
    let container = try NginxContainer.sample(mounts: [
      "/srv/web/nginx/:/etc/nginx/", "/srv/sites:/etc/nginx/sites-enabled", "memory:/etc/nginx/tmp",
      "/srv/web/nginx/private:/private",
    ])
    #expect(container.hostPath("/etc/nginx") == "/srv/web/nginx")
    #expect(container.hostPath("/etc/nginx/nginx.conf") == "/srv/web/nginx/nginx.conf")
    #expect(container.hostPath("/etc/nginx/sites-enabled/a") == "/srv/sites/a")
    #expect(container.hostPath("/etc/nginx/tmp/a") == nil)
    #expect(container.hostPath("/etc/nginx2/a") == nil)
    #expect(container.hostPath("/etc") == nil)
    #expect(container.serverPath("/srv/web/nginx/conf.d") == "/etc/nginx/conf.d")
    #expect(container.serverPath("/srv/sites/a/b") == "/etc/nginx/sites-enabled/a/b")
    // Hidden by the mount of the other folder.
    #expect(container.serverPath("/srv/web/nginx/sites-enabled/a") == nil)
    #expect(container.serverPath("/srv/web/nginx/private/a") == "/private/a")
    #expect(container.serverPath("/srv/web/nginx2") == nil)
    #expect(container.serverPath("/srv") == nil)
  }

  @Test func `a mount of everything`() throws {
    let container = try NginxContainer.sample(mounts: ["/:/host", "/srv:/"])
    #expect(container.hostPath("/host/etc/a") == "/etc/a")
    #expect(container.serverPath("/var/a") == "/host/var/a")
    #expect(container.hostPath("/etc/a") == "/srv/etc/a")
  }

  @Test func `a folder is found under another name`() async throws {
    try await withTemporaryFolder { folder in
      let real = try folder.makeFolder("real/nginx")
      try FileManager.default.createSymbolicLink(
        atPath: folder.path("link"), withDestinationPath: folder.path("real"))
      let container = try NginxContainer.sample(mounts: ["\(folder.path("link"))/nginx:/etc/nginx"])
      #expect(container.serverPath("\(real)/conf.d/a") == "/etc/nginx/conf.d/a")
      #expect(container.serverPath(folder.path("real")) == nil)
    }
  }

  @Test func `published ports come before addresses`() throws {
    let published = """
      {"443/tcp":[{"HostIp":"0.0.0.0","HostPort":"8443"},{"HostIp":"::","HostPort":"8443"}],
       "80/tcp":[{"HostIp":"192.0.2.7","HostPort":"80"}],"443/udp":[{"HostIp":"","HostPort":"1"}]}
      """
    let container = try NginxContainer.sample(
      networks: #"{"b":{"IPAddress":"172.18.0.5"},"c":{"GlobalIPv6Address":""}}"#,
      ports: published)
    let all = Endpoint(host: "127.0.0.1", port: 443)
    #expect(container.endpoint(all) == Endpoint(host: "127.0.0.1", port: 8443))
    #expect(
      container.endpoint(Endpoint(host: "127.0.0.1", port: 80))
        == Endpoint(host: "192.0.2.7", port: 80))
    #expect(
      container.endpoint(Endpoint(host: "127.0.0.1", port: 8080))
        == Endpoint(host: "172.18.0.5", port: 8080))
    // The container has no IPv6: what is published on [::] arrives at its IPv4 address.
    #expect(container.endpoint(Endpoint(host: "::1", port: 443)) == nil)
  }

  @Test func `IPv6 goes to IPv6, and the host's network is the host`() throws {
    let networks = #"{"b":{"IPAddress":"172.18.0.5","GlobalIPv6Address":"fd00::5"}}"#
    let ports = #"{"443/tcp":[{"HostIp":"::","HostPort":"8443"}]}"#
    let container = try NginxContainer.sample(networks: networks, ports: ports)
    #expect(
      container.endpoint(Endpoint(host: "::1", port: 443)) == Endpoint(host: "::1", port: 8443))
    #expect(
      container.endpoint(Endpoint(host: "::1", port: 80)) == Endpoint(host: "fd00::5", port: 80))
    #expect(
      container.endpoint(Endpoint(host: "127.0.0.1", port: 443))
        == Endpoint(host: "172.18.0.5", port: 443))
    let listen = Endpoint(host: "192.0.2.1", port: 443)
    let host = try NginxContainer.sample(mode: "host", networks: #"{"host":{}}"#)
    #expect(host.endpoint(listen) == listen)
    #expect(!host.hasNameService)
    #expect(try NginxContainer.sample(mode: "none").endpoint(listen) == nil)
    #expect(container.hasNameService)
  }

  @Test func `commands run in the container, without a shell`() throws {
    let container = try NginxContainer.sample()
    let process = RunningProcess(
      pid: 7, title: RunningNginx.title + "nginx -c /n.conf -g daemon off; pid /p;")
    let nginx = try #require(RunningNginx(process, in: container))
    let words = ["exec", "web", "nginx"]
    let options = ["-c", "/n.conf", "-g", "daemon off; pid /p;"]
    #expect(nginx.test.executable == "/usr/bin/docker")
    #expect(nginx.test.arguments == words + ["-t", "-q"] + options)
    #expect(nginx.ownReload.arguments == words + ["-s", "reload"] + options)
    #expect(nginx.dump.arguments == words + ["-T", "-q"] + options)
    #expect(nginx.version.arguments == words + ["-V"])
  }
}

/// What comes of asking an engine for a container.
struct ContainerSearchTests {
  private func failure(
    _ answers: [String: CommandResult], _ engines: [ContainerEngine] = [.docker]
  ) async -> CertctlError? {
    await #expect(throws: CertctlError.self) {
      try await RunningNginx.inContainer("web", runner: ScriptedEngine(answers), engines: engines)
    }
  }

  @Test(arguments: [
    "Error: No such container: web", "Error: No such object: web",
    "Error: inspecting object: no such container web",
    "Error: no container with name or ID \"web\" found: no such container",
  ])
  func `an unknown container is told with those that there are`(_ words: String) async {
    let unknown = CommandResult.failed("[]\n" + words)
    let error = await failure([
      "inspect": unknown, "ps --all": .said(""), "ps": .said("proxy\ncloud\n"),
    ])
    #expect(error?.code == .notFound)
    #expect(error?.hint == "those that run are: cloud, proxy")
    let service = await failure(["inspect": unknown, "ps --all": .said("a_web_1\n")])
    #expect(service?.hint == "the compose service of that name has: a_web_1")
    let nothing = await failure(["inspect": unknown, "ps": .said("")])
    #expect(nothing?.hint == "no container runs; start it, or look at: docker ps --all")
  }

  @Test func `a stopped engine and a forbidden one are told apart`() async {
    let stopped = await failure([
      "inspect": .failed(
        "[]\nCannot connect to the Docker daemon at unix:///var/run/docker.sock. "
          + "Is the docker daemon running?")
    ])
    #expect(stopped?.code == .configuration)
    #expect(
      stopped?.message.hasPrefix("the engine of docker is not running: Cannot connect") == true)
    #expect(stopped?.hint?.contains("systemctl start docker") == true)
    let forbidden = await failure([
      "inspect": .failed(
        "permission denied while trying to connect to the Docker daemon socket at unix:///x")
    ])
    #expect(forbidden?.code == .configuration)
    #expect(forbidden?.hint?.contains("root") == true)
    let silent = await failure([
      "inspect": CommandResult(ending: .signalled(15), timedOut: true)
    ])
    #expect(silent?.message.contains("does not answer") == true)
  }

  @Test func `the second engine is asked when the first one has it not, or is not there`() async {
    let paused = """
      [{"Id":"1","State":{"Status":"paused","Running":true,"Paused":true,"Pid":9}}]
      """
    let engines: [ContainerEngine] = [.docker, .podman]
    // A scripted engine answers alike for both: what counts is that the first failure is kept.
    let error = await failure(["inspect": .failed("Cannot connect to the Docker daemon")], engines)
    #expect(error?.message.contains("docker") == true)
    let found = await failure(["inspect": .said(paused)], engines)
    #expect(found?.message.contains("paused") == true)
    #expect(found?.hint == "docker unpause web")
  }

  @Test func `no command line, and an engine elsewhere`() async {
    let none = await failure([:], [])
    #expect(none?.message.contains("there is neither docker nor podman") == true)
    for host in ["tcp://192.0.2.1:2376", "ssh://me@example.com"] {
      let engine = ContainerEngine(
        executable: "/usr/bin/docker", environment: ["DOCKER_HOST": host])
      let error = await failure([:], [engine])
      #expect(error?.code == .configuration)
      #expect(error?.message.contains("DOCKER_HOST") == true)
    }
  }

  @Test func `a container that does not run is told with its last words`() async {
    let exited = """
      [{"Id":"1","State":{"Status":"exited","Running":false,"Pid":0,"ExitCode":1}}]
      """
    let words = "nginx: [emerg] host not found in upstream \"app\"\u{1B}[2J\n"
    let error = await failure(["inspect": .said(exited), "logs": .said(words)])
    #expect(error?.code == .configuration)
    #expect(
      error?.message == "container web is not running (exited): "
        + "nginx: [emerg] host not found in upstream \"app\"\\u{1B}[2J")
    #expect(error?.hint == "start it: docker start web")
  }

  @Test func `processes that are not on this machine are somewhere else`() async {
    let elsewhere = """
      [{"Id":"1","State":{"Status":"running","Running":true,"Pid":2147483646}}]
      """
    let error = await failure(["inspect": .said(elsewhere)])
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("not on this machine") == true)
  }

  @Test func `nginx is found among the processes of its container`() async throws {
    let title = RunningNginx.title + "nginx -c /srv/n.conf"
    // A shell above it, as entry points often are.
    let script = "bash -c 'exec -a \"\(title)\" sleep 60' & wait"
    try await Program("bash", ["-c", script]).serve(isReady: { _ in true }) { running in
      let inspect = #"[{"Id":"1","State":{"Running":true,"Pid":\#(running.pid)}}]"#
      let engine = ScriptedEngine(["inspect": .said(inspect)])
      try await poll("the process to have its title") {
        !ProcessTable.processes(titled: title, startedBy: running.pid).isEmpty
      }
      let nginx = try await RunningNginx.inContainer("web", runner: engine, engines: [.docker])
      #expect(nginx.pid != running.pid)
      #expect(nginx.executable == "nginx")
      #expect(nginx.configurationFile == "/srv/n.conf")
      #expect(nginx.unit == nil)
      #expect(nginx.container?.name == "web")
      #expect(ProcessTable.identity(of: nginx.pid) == ProcessTable.identity(of: running.pid))
    }
  }

  @Test(.requires("setpriv"), .enabled("needs root", { geteuid() == 0 }))
  func `a process with fewer rights than its container's first one is no nginx`() async throws {
    let title = RunningNginx.title + "nginx -c /srv/evil.conf"
    let script =
      "setpriv --reuid 4242 --clear-groups bash -c 'exec -a \"\(title)\" sleep 60' & wait"
    try await Program("bash", ["-c", script]).serve(isReady: { _ in true }) { running in
      let inspect = #"[{"Id":"1","State":{"Running":true,"Pid":\#(running.pid)}}]"#
      try await poll("the process to have its title") {
        !ProcessTable.processes(titled: title, startedBy: running.pid).isEmpty
      }
      let error = await failure(["inspect": .said(inspect)])
      #expect(error?.code == .notFound)
      #expect(error?.message.contains("of user 4242 calls itself by its name") == true)
    }
  }

  @Test func `no path of a container leads out of its mounts`() throws {
    let container = try NginxContainer.sample(mounts: ["/srv/nginx:/etc/nginx"])
    #expect(container.hostPath("/etc/nginx/conf.d/a.conf") == "/srv/nginx/conf.d/a.conf")
    for path in ["/etc/nginx/../../etc/cron.d/x", "/etc/nginx/..", "/../etc/nginx/x"] {
      #expect(container.hostPath(path) == nil, "\(path)")
    }
  }

  @Test func `a link out of a folder that the container can write stops a change`() async throws {
    try await withTemporaryFolder(label: "mount") { folder in
      try folder.makeFolder("nginx/conf.d")
      try folder.makeFolder("elsewhere")
      let container = try NginxContainer.sample(
        mounts: ["\(folder.path("nginx")):/etc/nginx"], isWritable: true)
      let place = NginxPlace(
        nginx: RunningNginx(
          pid: 1, executable: "nginx", options: [], unit: nil, container: container),
        folder: "/etc/nginx", hostFolder: folder.path("nginx"), complaint: nil,
        configuration: NginxConfiguration(main: "/etc/nginx/nginx.conf", texts: [:]))
      let change = FileChange(folder.path("nginx/conf.d/a.conf"), .absent)
      try place.requireInside([change])
      try FileManager.default.removeItem(atPath: folder.path("nginx/conf.d"))
      symlink(folder.path("elsewhere"), folder.path("nginx/conf.d"))
      let error = #expect(throws: CertctlError.self) { try place.requireInside([change]) }
      #expect(error?.hint?.contains("/etc/nginx:ro") == true)
    }
  }

  @Test func `a container without an nginx`() async throws {
    try await Program("sleep", ["60"]).serve(isReady: { _ in true }) { running in
      let other = #"[{"Id":"1","State":{"Running":true,"Pid":\#(running.pid)}}]"#
      let error = await failure(["inspect": .said(other)])
      #expect(error?.code == .notFound)
      #expect(error?.message == "no nginx runs in container web")
    }
  }
}
