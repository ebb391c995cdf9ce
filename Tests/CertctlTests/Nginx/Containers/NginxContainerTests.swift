import CertctlBase
import CertctlSystem
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlServing
@testable import CertctlStore

/// The mapping of paths, addresses and commands between host and container.
struct NginxContainerTests {
  @Test func `the innermost mount determines the path`() throws {
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
    // Hidden by the mount over it.
    #expect(container.serverPath("/srv/web/nginx/sites-enabled/a") == nil)
    #expect(container.serverPath("/srv/web/nginx/private/a") == "/private/a")
    #expect(container.serverPath("/srv/web/nginx2") == nil)
    #expect(container.serverPath("/srv") == nil)
  }

  @Test func `mounts of the root folder are mapped`() throws {
    let container = try NginxContainer.sample(mounts: ["/:/host", "/srv:/"])
    #expect(container.hostPath("/host/etc/a") == "/etc/a")
    #expect(container.serverPath("/var/a") == "/host/var/a")
    #expect(container.hostPath("/etc/a") == "/srv/etc/a")
  }

  @Test func `a mount with a source behind a link is found by its real path`() async throws {
    try await withTemporaryFolder { folder in
      let real = try folder.makeFolder("real/nginx")
      try FileManager.default.createSymbolicLink(
        atPath: folder.path("link"), withDestinationPath: folder.path("real"))
      let container = try NginxContainer.sample(mounts: ["\(folder.path("link"))/nginx:/etc/nginx"])
      #expect(container.serverPath("\(real)/conf.d/a") == "/etc/nginx/conf.d/a")
      #expect(container.serverPath(folder.path("real")) == nil)
    }
  }

  @Test func `published ports are preferred to container addresses`() throws {
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
    // The container has no IPv6: connections to [::]:8443 arrive at its IPv4 address.
    #expect(container.endpoint(Endpoint(host: "::1", port: 443)) == nil)
  }

  @Test func `IPv6 maps to IPv6, and host networking needs no mapping`() throws {
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
    #expect(try NginxContainer.sample(mode: "none").endpoint(listen) == nil)
  }

  @Test func `commands run in the container without a shell`() async throws {
    let runner = ScriptedRunner(["exec": .said("")])
    let engine = CommandLineEngine(
      path: "/usr/bin/docker", environment: EngineEnvironment([:]), runner: runner)
    let container = try NginxContainer.sample(engine: engine)
    let process = RunningProcess(
      pid: 7, title: RunningNginx.title + "nginx -c /n.conf -g daemon off; pid /p;")
    let nginx = try #require(RunningNginx(process, in: container))
    let host = ScriptedRunner()
    for command in [nginx.test, nginx.ownReload, nginx.dump, nginx.version] {
      _ = try await command.run(by: host)
    }
    let words = ["exec", "web", "nginx"]
    let options = ["-c", "/n.conf", "-g", "daemon off; pid /p;"]
    #expect(
      runner.commands.map(\.arguments) == [
        words + ["-t", "-q"] + options, words + ["-s", "reload"] + options,
        words + ["-T", "-q"] + options, words + ["-V"],
      ])
    #expect(runner.commands.allSatisfy { $0.executable == "/usr/bin/docker" })
    #expect(host.commands.isEmpty)
    #expect(nginx.version.title == "/usr/bin/docker exec web nginx -V")
  }
}

/// The search for a container and the nginx in it.
struct ContainerSearchTests {
  private func failure(_ engines: FakeEngine...) async -> CertctlError? {
    await #expect(throws: CertctlError.self) {
      try await RunningNginx.inContainer("web", engines: engines)
    }
  }

  @Test func `the error for an unknown container lists the existing ones`() async {
    let error = await failure(FakeEngine(running: ["cloud", "proxy"]))
    #expect(error?.code == .notFound)
    #expect(error?.message == "docker has no container named web")
    expectText(error?.hint, mentions: "cloud, proxy")
    let service = await failure(FakeEngine(running: ["x"], services: ["web": ["a_web_1"]]))
    expectText(service?.hint, mentions: "compose service", "a_web_1")
    let nothing = await failure(FakeEngine())
    expectText(nothing?.hint, mentions: "docker ps --all")
  }

  @Test func `the second engine is queried if the first has no such container or fails`()
    async throws
  {
    let paused = """
      [{"Id":"1","State":{"Status":"paused","Running":true,"Paused":true,"Pid":9}}]
      """
    let stopped = FakeEngine { throw CertctlError(.configuration, "docker is not running") }
    for first in [stopped, FakeEngine()] {
      let second = try FakeEngine("podman", inspect: paused)
      let error = await failure(first, second)
      #expect(error?.message == "container web is paused")
      #expect(error?.hint == "run: podman unpause web")
      #expect(first.inspected == ["web"])
    }
    // The first failure is reported, but "not found" takes precedence.
    let other = FakeEngine("podman") { throw CertctlError(.configuration, "podman neither") }
    #expect(await failure(stopped, other)?.message == "docker is not running")
    #expect(await failure(stopped, FakeEngine("podman"))?.code == .notFound)
  }

  @Test func `a missing engine is a configuration error`() async {
    let none = await failure()
    expectError(none, code: .configuration, mentions: "docker", "podman")
  }

  @Test func `the error for a stopped container includes its last log lines`() async throws {
    let exited = """
      [{"Id":"1","State":{"Status":"exited","Running":false,"Pid":0,"ExitCode":1}}]
      """
    let words = "nginx: [emerg] host not found in upstream \"app\""
    let error = try await failure(FakeEngine(inspect: exited, words: words))
    #expect(error?.code == .configuration)
    #expect(
      error?.message == "container web is not running (exited): "
        + words)
    #expect(error?.hint == "run: docker start web")
  }

  @Test func `a container whose process is not on this machine is refused`() async throws {
    let elsewhere = """
      [{"Id":"1","State":{"Status":"running","Running":true,"Pid":2147483646}}]
      """
    let error = try await failure(FakeEngine(inspect: elsewhere))
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("not on this host") == true)
  }

  @Test func `nginx is found among the container's processes`() async throws {
    let title = RunningNginx.title + "nginx -c /srv/n.conf"
    // Its parent is a shell, as in many entry points.
    let script = "bash -c 'exec -a \"\(title)\" sleep 60' & wait"
    try await Program("bash", ["-c", script]).serve(isReady: { _ in true }) { running in
      let inspect = #"[{"Id":"1","State":{"Running":true,"Pid":\#(running.pid)}}]"#
      let engine = try FakeEngine(inspect: inspect)
      try await poll("the process to have its title") {
        !ProcessTable.processes(titled: title, startedBy: running.pid).isEmpty
      }
      let nginx = try await RunningNginx.inContainer("web", engines: [engine])
      #expect(nginx.pid != running.pid)
      #expect(nginx.executable == "nginx")
      #expect(nginx.configurationFile == "/srv/n.conf")
      #expect(nginx.unit == nil)
      #expect(nginx.container?.name == "web")
      #expect(ProcessTable.identity(of: nginx.pid) == ProcessTable.identity(of: running.pid))
    }
  }

  @Test(.requires("setpriv"), .needsRoot("only root can become another user"))
  func `a process with fewer rights than the container's first one is not nginx`() async throws {
    let title = RunningNginx.title + "nginx -c /srv/evil.conf"
    let script =
      "setpriv --reuid 4242 --clear-groups bash -c 'exec -a \"\(title)\" sleep 60' & wait"
    try await Program("bash", ["-c", script]).serve(isReady: { _ in true }) { running in
      let inspect = #"[{"Id":"1","State":{"Running":true,"Pid":\#(running.pid)}}]"#
      try await poll("the process to have its title") {
        !ProcessTable.processes(titled: title, startedBy: running.pid).isEmpty
      }
      let error = try await failure(FakeEngine(inspect: inspect))
      #expect(error?.code == .notFound)
      expectError(error, mentions: "of user 4242")
    }
  }

  @Test func `paths with .. do not lead out of the mounts`() throws {
    let container = try NginxContainer.sample(mounts: ["/srv/nginx:/etc/nginx"])
    #expect(container.hostPath("/etc/nginx/conf.d/a.conf") == "/srv/nginx/conf.d/a.conf")
    for path in ["/etc/nginx/../../etc/cron.d/x", "/etc/nginx/..", "/../etc/nginx/x"] {
      #expect(container.hostPath(path) == nil, "\(path)")
    }
  }

  @Test func `a link out of a mount that the container can write stops the change`() async throws {
    try await withTemporaryFolder(label: "mount") { folder in
      try folder.makeFolder("nginx/conf.d")
      try folder.makeFolder("elsewhere")
      let container = try NginxContainer.sample(
        mounts: ["\(folder.path("nginx")):/etc/nginx"], isWritable: true)
      let place = NginxInstallation(
        nginx: RunningNginx(
          pid: 1, executable: "nginx", options: [], unit: nil, container: container),
        folder: "/etc/nginx", hostFolder: folder.path("nginx"), complaint: nil,
        configuration: NginxConfiguration(main: "/etc/nginx/nginx.conf", texts: [:]))
      let change = FileChange(folder.path("nginx/conf.d/a.conf"), .absent)
      try place.requireInside([change])
      try FileManager.default.removeItem(atPath: folder.path("nginx/conf.d"))
      symlink(folder.path("elsewhere"), folder.path("nginx/conf.d"))
      let error = #expect(throws: CertctlError.self) { try place.requireInside([change]) }
      expectError(error, hint: "/etc/nginx:ro")
    }
  }

  @Test func `a container without nginx is an error`() async throws {
    try await Program("sleep", ["60"]).serve(isReady: { _ in true }) { running in
      let other = #"[{"Id":"1","State":{"Running":true,"Pid":\#(running.pid)}}]"#
      let error = try await failure(FakeEngine(inspect: other))
      #expect(error?.code == .notFound)
      #expect(error?.message == "no nginx runs in container web")
    }
  }
}
