import FoundationEssentials
import TestSupport
import Testing

/// What goes wrong with nginx in a container when people follow the recipe by hand: certctl prevents
/// it, or finds it before it writes anything, or leaves all as it was.
@Suite(.serialized, .timeLimit(.minutes(30)))
struct DockerFaultTests {
  /// Runs `site add`, which must fail, and looks that nothing was written and nginx still answers.
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
  func `wrong mounts are refused with the lines for the compose file, and nothing is written`()
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
  func `no container, a stopped one, and an empty nginx folder`() async throws {
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
  func `a link that dangles in the container is named before anything is written`() async throws {
    try await DockerHost.run { host in
      try await host.fillNginxFolder()
      try await host.startNginx(volumes: host.volumes)
      try await poll("nginx to answer") { try await host.get("/").status == 200 }
      // What the recipe does: works on the host, and nginx in the container cannot start with it.
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
  func `an upstream that is not there, or goes, blocks neither the site nor the renewal`()
    async throws
  {
    try await DockerHost.run { host in
      try await host.composeUp()
      // Its name does not exist yet.
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
      // 502 where the engine can ask another name server; without one it waits for an answer.
      #expect(try await host.get("/", host: "plex.example.com", trusting: root).status != 200)
      // With another address than before.
      try await host.startUpstream("other", port: 1)
      try await host.startUpstream("plex", port: 32400)
      try await poll("the upstream to be found again", within: .seconds(40)) {
        try await host.get("/", host: "plex.example.com", trusting: root).body == "this is plex\n"
      }
    }
  }

  @Test(.needsDocker, .needsPebble)
  func `somebody else's broken file stops the renewal's reload, is named, and stays as it is`()
    async throws
  {
    try await DockerHost.run { host in
      try await host.fillNginxFolder()
      try await host.startNginx(volumes: host.volumes)
      try await host.startUpstream("plex", port: 32400)
      try await host.addSite("plex.example.com", "http://plex:32400").requireSuccess("site add")
      let first = try host.inUse("plex.example.com")
      // nginx lives on with what it has read; a reload would fail.
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
  func `a container that stands still fails the renewal, and the next one serves it`()
    async throws
  {
    try await DockerHost.run { host in
      try await host.fillNginxFolder()
      try await host.startNginx(volumes: host.volumes)
      try await host.startUpstream("plex", port: 32400)
      try await host.addSite("plex.example.com", "http://plex:32400").requireSuccess("site add")
      let first = try host.inUse("plex.example.com")
      try await host.docker("stop", host.name).requireSuccess("stop")
      // nginx itself answers the challenges: nothing can be had through one that stands still.
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
