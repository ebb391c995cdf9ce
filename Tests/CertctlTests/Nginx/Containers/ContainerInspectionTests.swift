import CertctlSystem
import Testing

@testable import CertctlCore
@testable import CertctlServing

/// The inspection of a container, recorded from Docker 20.10 and Podman 4.3.
struct ContainerInspectionTests {
  @Test func `Docker's inspection is read`() throws {
    let text = try Recorded.inspection("docker-20")
    let found = try #require(ContainerInspection(output: text))
    #expect(found.name == "web")
    #expect(found.user == "root")
    #expect(found.image == "t:1")
    #expect(found.state.isRunning && !found.state.isPaused && found.state.pid > 1)
    #expect(found.networkMode == "tnet")
    #expect(found.networks["tnet"]?.count == 1)
    #expect(
      found.ports["443/tcp"] == [.init(host: "0.0.0.0", port: 8443), .init(host: "::", port: 8443)])
    #expect(found.ports["80/tcp"] == [.init(host: "127.0.0.1", port: 8080)])
    #expect(found.labels["com.docker.compose.service"] == "nginx")
    #expect(found.resolverFile?.hasSuffix("/resolv.conf") == true)

    let container = NginxContainer(found, name: "web", engine: FakeEngine())
    #expect(container.hostPath("/srv/x/a") == "/srv/x/a")
    #expect(
      container.hostPath("/etc/nginx/nginx.conf")
        == "/var/lib/docker/volumes/vol1/_data/nginx.conf")
    #expect(
      container.serverPath("/var/lib/docker/volumes/vol1/_data/a/b") == "/etc/nginx/a/b")
  }

  @Test func `Podman's inspection is read`() throws {
    let text = try Recorded.inspection("podman-4")
    let found = try #require(ContainerInspection(output: text))
    #expect(found.name == "web")
    #expect(found.state.isRunning && found.state.pid > 1)
    #expect(found.networkMode == "bridge")
    #expect(found.networks["podman"] == ["10.88.0.5"])
    #expect(found.ports["80/tcp"] == [.init(host: "127.0.0.1", port: 18090)])
    let container = NginxContainer(found, name: "web", engine: FakeEngine("podman"))
    #expect(container.mounts.contains { $0.destination == "/srv/x" && !$0.isWritable })
    #expect(
      container.hostPath("/etc/nginx")
        == "/var/lib/containers/storage/volumes/pv/_data")
  }

  @Test func `warnings around the JSON and values of the wrong type are ignored`() throws {
    let text = """
      Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg.
      [{"Id":"1","State":{"Pid":"no number","Running":true},"Mounts":{"a":1},"Config":null,
        "NetworkSettings":{"Ports":{"80/tcp":null,"81/tcp":[{"HostIp":"","HostPort":81}]}}}]
      time="2026-11-22" level=warning msg="something"
      """
    let found = try #require(ContainerInspection(output: text))
    #expect(found.state.isRunning)
    #expect(found.state.pid == 0)
    #expect(found.mounts.isEmpty)
    #expect(found.ports == ["81/tcp": [.init(host: "", port: 81)]])
  }

  @Test(arguments: ["", "[]", "[\n]", "{}", "[{}]", "no", "]\n[", "[{\"Id\":1,\"State\":{}}]"])
  func `output that describes no container is rejected`(_ text: String) {
    #expect(ContainerInspection(output: text) == nil)
  }

  @Test(arguments: [
    "web", "proxy_nginx_1", "a.b-c", "0123456789ab", String(repeating: "a", count: 128),
  ])
  func `valid container names are accepted`(_ name: String) { #expect(ContainerName.isValid(name)) }

  @Test(arguments: [
    "", "a", "-web", ".web", "_web", "we b", "web;id", "web$(id)", "web\n", "wéb", "web/x",
    "--help",
    String(repeating: "a", count: 129),
  ])
  func `an invalid container name is refused before the engine is queried`(_ name: String)
    async throws
  {
    let engine = FakeEngine()
    let error = await #expect(throws: CertctlError.self) {
      try await RunningNginx.inContainer(name, engines: [engine])
    }
    #expect(error?.code == .usage)
    #expect(engine.inspected.isEmpty)
  }
}
