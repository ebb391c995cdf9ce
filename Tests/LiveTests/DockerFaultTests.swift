import FoundationEssentials
import TestSupport
import Testing

/// Common faults of nginx in a container.
///
/// certctl prevents them, reports them before it writes anything, or restores the files.
@Suite(.serialized, .timeLimit(.minutes(30)))
struct DockerFaultTests {
  /// Runs `site add` and expects it to fail without writing a file or placing an order.
  private func refused(
    _ host: DockerHost, _ upstream: String = "http://plex:32400", code: Int32,
    saying words: String...
  ) async throws -> ProgramResult {
    let before = host.nginxFiles()
    let result = try await host.addSite("plex.example.com", upstream)
    #expect(result.exitCode == code, "\(result)")
    for word in words { #expect(result.standardError.contains(word), "\(result)") }
    #expect(host.nginxFiles() == before)
    #expect(host.live.entries("live").isEmpty)
    #expect(host.live.pebble.requests.allSatisfy { !$0.contains("order") })
    return result
  }

  @Test(.needsDocker, .needsPebble)
  func `wrong mounts are refused with the correct lines for the compose file`()
    async throws
  {
    try await DockerHost.run { host in
      try await host.fillNginxFolder()
      try host.folder.makeFolder("state/live")
      try host.folder.makeFolder("state/archive")
      let state = host.stateDirectory
      let cases: [([String], String)] = [
        ([host.volumes[0]], "certificates in \(state)/live are not mounted"),
        ([host.volumes[0], host.volumes[1]], "without \(state)/archive"),
        (
          ["\(host.nginxFolder)/nginx.conf:/etc/nginx/nginx.conf"] + host.volumes.dropFirst(),
          "mounted as a single file"
        ),
        (Array(host.volumes.dropFirst()), "/etc/nginx is not mounted from this host"),
      ]
      for (volumes, words) in cases {
        try await host.startNginx(volumes: volumes)
        let result = try await refused(host, code: 78, saying: words, "      - ")
        #expect(result.standardError.contains("docker compose up -d"), "\(result)")
        #expect(try await host.get("/").status == 200)
        try await host.docker("rm", "--force", host.name)
      }
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `a missing container, a stopped one and an empty nginx directory are refused`() async throws
  {
    try await DockerHost.run { host in
      _ = try await refused(host, code: 1, saying: "has no container named \(host.name)")
      try await host.startNginx(volumes: host.volumes)
      try await poll("nginx to give up") {
        try await host.docker("ps", "--quiet", "--filter", "name=\(host.name)").standardOutput
          .isEmpty
      }
      _ = try await refused(host, code: 78, saying: "has no nginx.conf", "tar -C")
      try await host.fillNginxFolder()
      _ = try await refused(host, code: 78, saying: "is not running", "docker start \(host.name)")
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `a link that dangles inside the container is named before anything is written`() async throws
  {
    try await DockerHost.run { host in
      try await host.fillNginxFolder()
      try await host.startNginx(volumes: host.volumes)
      try await poll("nginx to answer") { try await host.get("/").status == 200 }
      // The link works on the host, but nginx in the container could not start with it.
      try host.folder.write("elsewhere/old.conf", "server { listen 80; server_name old.test; }\n")
      try FileManager.default.createSymbolicLink(
        atPath: "\(host.nginxFolder)/conf.d/old.conf",
        withDestinationPath: host.folder.path("elsewhere/old.conf"))
      let result = try await refused(host, code: 1, saying: "conf.d/old.conf")
      #expect(result.standardError.contains("No such file"), "\(result)")
      #expect(try await host.get("/").status == 200)
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `a missing or stopped upstream blocks neither the site nor the renewal`()
    async throws
  {
    try await DockerHost.run { host in
      try await host.composeUp()
      // The upstream's name does not exist yet.
      let result = try await host.addSite("plex.example.com", "http://plex:32400")
      #expect(result.exitCode == 0, "\(result)")
      let root = try await host.root()
      #expect(try await host.served("plex.example.com") == host.inUse("plex.example.com"))
      try await host.startUpstream("plex", port: 32400)
      try await poll("the upstream to be found") {
        try await host.get("/", host: "plex.example.com", trusting: root).body == "this is plex\n"
      }
      try await host.stopUpstream("plex")
      let renewal = try await host.certctl("renew", "--force")
      #expect(renewal.exitCode == 0, "\(renewal)")
      #expect(try await host.served("plex.example.com") == host.inUse("plex.example.com"))
      // 502 if the engine can query another name server; otherwise the request times out.
      #expect(try await host.get("/", host: "plex.example.com", trusting: root).status != 200)
      // "other" takes the old address, so plex gets a new one.
      try await host.startUpstream("other", port: 1)
      try await host.startUpstream("plex", port: 32400)
      try await poll("the upstream to be found again", within: .seconds(40)) {
        try await host.get("/", host: "plex.example.com", trusting: root).body == "this is plex\n"
      }
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `a broken foreign file stops the reload, is named and stays unchanged`()
    async throws
  {
    try await DockerHost.run { host in
      try await host.fillNginxFolder()
      try await host.startNginx(volumes: host.volumes)
      try await host.startUpstream("plex", port: 32400)
      try await host.addSite("plex.example.com", "http://plex:32400").requireSuccess("site add")
      let first = try host.inUse("plex.example.com")
      // nginx keeps running with the old configuration; a reload would fail.
      let broken = "server { listen 80; server_name broken.test; nonsense; }\n"
      try host.folder.write("nginx/conf.d/broken.conf", broken)
      let renewal = try await host.certctl("renew", "--force")
      #expect(renewal.exitCode == 1, "\(renewal)")
      #expect(renewal.standardOutput.contains("broken.conf"), "\(renewal)")
      #expect(host.folder.read("nginx/conf.d/broken.conf") == broken)
      #expect(try await host.served("plex.example.com") == first)
      #expect(try host.inUse("plex.example.com") == first)

      host.folder.remove("nginx/conf.d/broken.conf")
      let second = try await host.certctl("renew")
      #expect(second.exitCode == 0, "\(second)")
      #expect(try host.inUse("plex.example.com") != first)
      #expect(try await host.served("plex.example.com") == host.inUse("plex.example.com"))
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `a renewal fails while the container is stopped and succeeds after its start`()
    async throws
  {
    try await DockerHost.run { host in
      try await host.fillNginxFolder()
      try await host.startNginx(volumes: host.volumes)
      try await host.startUpstream("plex", port: 32400)
      try await host.addSite("plex.example.com", "http://plex:32400").requireSuccess("site add")
      let first = try host.inUse("plex.example.com")
      try await host.docker("stop", host.name).requireSuccess("stop")
      // nginx answers the challenges, so the validation fails while it is stopped.
      let renewal = try await host.certctl("renew", "--force")
      #expect(renewal.exitCode == 1, "\(renewal)")
      #expect(renewal.standardOutput.contains("connection refused"), "\(renewal)")
      #expect(try host.inUse("plex.example.com") == first)
      let disable = try await host.certctl("site", "disable", "plex.example.com")
      #expect(disable.exitCode == 78, "\(disable)")
      #expect(disable.standardError.contains("container \(host.name) is not running"), "\(disable)")
      try await host.docker("start", host.name).requireSuccess("start")
      try await poll("nginx to answer") {
        try await host.get("/", host: "plex.example.com").status == 308
      }
      let second = try await host.certctl("renew", "--force")
      #expect(second.exitCode == 0, "\(second)")
      #expect(try host.inUse("plex.example.com") != first)
      #expect(try await host.served("plex.example.com") == host.inUse("plex.example.com"))
    }
  }
}
