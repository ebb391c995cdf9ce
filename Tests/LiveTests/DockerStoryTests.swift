import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

/// Sites for containers behind an nginx that runs in a container, too.
@Suite(.serialized, .timeLimit(.minutes(30)))
struct DockerStoryTests {
  @Test(.needsDocker, .needsPebble, .requires("docker-compose"))
  func `sites are added, renewed, disabled and removed without a restart`() async throws {
    try await DockerHost.run { host in
      try await host.composeUp()
      try await host.startUpstream("plex", port: 32400)
      try await host.startUpstream("cloud", port: 8080)
      let before = host.nginxFiles()
      let started = try await self.started(host)

      let plex = try await host.addSite("plex.example.com", "http://plex:32400")
      #expect(plex.exitCode == 0, "\(plex)")
      try await host.addSite("cloud.example.com,drive.example.com", "http://cloud:8080")
        .requireSuccess("site add")

      let root = try await host.root()
      let places = [
        ("plex.example.com", "plex"), ("cloud.example.com", "cloud"),
        ("drive.example.com", "cloud"),
      ]
      for (name, upstream) in places {
        let redirect = try await host.get("/a?b=c", host: name)
        #expect(redirect.status == 308, "\(redirect)")
        #expect(redirect.header("location") == "https://\(name)/a?b=c", "\(redirect)")
        let page = try await host.get("/", host: name, trusting: root)
        #expect(page.body == "this is \(upstream)\n", "\(page)")
      }
      #expect(try await host.served("plex.example.com") == host.inUse("plex.example.com"))

      // A renewal through the same nginx.
      let first = try host.inUse("plex.example.com")
      let renewal = try await host.certctl("renew", "--force", "--json")
      #expect(renewal.exitCode == 0, "\(renewal)")
      let second = try host.inUse("plex.example.com")
      #expect(second != first)
      #expect(try await host.served("plex.example.com") == second)
      #expect(
        try await host.live.report("plex.example.com")["deployment"].string == "deployed")
      let again = try await host.certctl("renew")
      #expect(again.exitCode == 0, "\(again)")

      // Disabling one site does not affect the other.
      try await host.certctl("site", "disable", "plex.example.com").requireSuccess("disable")
      try await poll("the site to be gone") {
        guard try await host.served("plex.example.com") != second else { return false }
        return try await host.get("/", host: "plex.example.com").status != 308
      }
      let other = try await host.get("/", host: "cloud.example.com", trusting: root)
      #expect(other.body == "this is cloud\n")
      try await host.certctl("site", "enable", "plex.example.com").requireSuccess("enable")
      #expect(try await host.served("plex.example.com") == second)

      for name in ["plex.example.com", "cloud.example.com"] {
        try await host.certctl("site", "remove", name).requireSuccess("remove")
      }
      try await poll("the image's own server") {
        try await host.get("/", host: "plex.example.com").status == 200
      }
      let left = host.nginxFiles().filter { $0.value != "folder" }
      #expect(left == before.filter { $0.value != "folder" })
      #expect(try await self.started(host) == started)
    }
  }

  @Test(.needsDocker, .needsPebble, .needsKnot, .requires("docker-compose"))
  func `one wildcard with dns-01 serves all sites without a restart`() async throws {
    try await KnotServer.run(zone: "home.example") { dns in
      try await DockerHost.run(dns: dns) { host in
        try await host.composeUp()
        try await host.startUpstream("plex", port: 32400)
        try await host.startUpstream("cloud", port: 8080)
        let started = try await self.started(host)
        try await host.live.certctl.run(
          ["issue", "home.example", "*.home.example", "--dns", "rfc2136", "--agree-tos"]
            + host.live.authority, within: .seconds(120)
        ).requireSuccess("issue")
        for (name, port) in [("plex", 32400), ("cloud", 8080)] {
          try await host.addSite(
            "\(name).home.example", "http://\(name):\(port)", ["--certificate", "home.example"]
          ).requireSuccess("site add")
        }
        let root = try await host.root()
        let first = try host.inUse("home.example")
        for name in ["plex", "cloud"] {
          #expect(try await host.served("\(name).home.example") == first)
          let redirect = try await host.get("/a?b=c", host: "\(name).home.example")
          #expect(redirect.status == 308, "\(redirect)")
          let page = try await host.get("/", host: "\(name).home.example", trusting: root)
          #expect(page.body == "this is \(name)\n", "\(page)")
        }
        // One renewal updates both sites.
        try await host.certctl("renew", "--force").requireSuccess("renew")
        let second = try host.inUse("home.example")
        #expect(second != first)
        for name in ["plex", "cloud"] {
          #expect(try await host.served("\(name).home.example") == second)
        }
        #expect(try await dns.texts("_acme-challenge.home.example").isEmpty)
        for name in ["plex", "cloud"] {
          try await host.certctl("site", "remove", "\(name).home.example")
            .requireSuccess("remove")
        }
        #expect(try await self.started(host) == started)
      }
    }
  }

  /// Returns the time when the container was last started.
  private func started(_ host: DockerHost) async throws -> String {
    try await host.docker("inspect", "--format", "{{.State.StartedAt}}", host.name)
      .requireSuccess("inspect").standardOutput
  }

  @Test(.needsDocker, .needsPebble, .enabled(if: SystemAccount.isRoot, "gives files to a group"))
  func `copies work for a container that runs as another user`() async throws {
    try await DockerHost.run { host in
      try await host.fillNginxFolder()
      let copies = try host.folder.makeFolder("copies")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: copies)
      let group = try #require(SystemAccount.groupID(named: "www-data"))
      try await host.startNginx(
        volumes: [host.volumes[0], "\(copies):/certs:ro"], options: ["--user", "101:\(group)"])
      try await host.startUpstream("plex", port: 32400)
      let options = ["--deploy-copy", copies]
      let unreadable = try await host.addSite("plex.example.com", "http://plex:32400", options)
      #expect(unreadable.exitCode == 78, "\(unreadable)")
      #expect(unreadable.standardError.contains("runs as user 101"), "\(unreadable)")
      let readable = try await host.addSite(
        "plex.example.com", "http://plex:32400",
        options + ["--group", "www-data", "--key-mode", "0640"])
      #expect(readable.exitCode == 0, "\(readable)")
      #expect(try await host.served("plex.example.com") == host.inUse("plex.example.com"))
      try await host.certctl("renew", "--force").requireSuccess("renew")
      #expect(try await host.served("plex.example.com") == host.inUse("plex.example.com"))
    }
  }
}
