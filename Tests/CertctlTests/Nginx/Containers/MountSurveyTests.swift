import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlServing

/// Faulty mounts that nginx reports without the cause, or not at all.
struct MountSurveyTests {
  /// A host with an nginx folder and one lineage, and a container that mounts them.
  private struct Host {
    let folder: TemporaryFolder
    var state: String { folder.path("state") }
    var nginx: String { folder.path("nginx") }

    init(_ folder: TemporaryFolder) throws {
      self.folder = folder
      try folder.write("nginx/nginx.conf", "events {}")
      try folder.makeFolder("nginx/sites-enabled")
      try folder.write("state/archive/a.test/0001/privkey.pem", "key")
      try folder.write("state/archive/a.test/0001/fullchain.pem", "chain")
      try folder.makeFolder("state/live")
      try folder.makeFolder("state/accounts")
      try link("state/live/a.test", to: "../archive/a.test/0001")
    }

    func link(_ name: String, to target: String) throws {
      try FileManager.default.createSymbolicLink(
        atPath: folder.path(name), withDestinationPath: target)
    }

    /// Mounts without a fault.
    var good: [String] {
      ["\(nginx):/etc/nginx", "\(state)/live:\(state)/live", "\(state)/archive:\(state)/archive"]
    }

    /// Returns the mount of the nginx folder, followed by the given ones.
    func nginx(and others: String...) -> [String] { ["\(nginx):/etc/nginx"] + others }

    func survey(_ mounts: [String], copy: String? = nil, user: String = "") throws -> MountSurvey {
      MountSurvey(
        container: try .sample(mounts: mounts, user: user),
        configuration: "/etc/nginx/nginx.conf", stateDirectory: state, copy: copy,
        lineages: ["a.test"])
    }

    /// Returns the only fault.
    func fault(_ mounts: [String], copy: String? = nil) throws -> MountFault {
      let faults = try survey(mounts, copy: copy).faults
      #expect(faults.count == 1, "\(faults)")
      return try #require(faults.first)
    }

    var certificateVolumes: [String] {
      ["\(state)/live:\(state)/live:ro", "\(state)/archive:\(state)/archive:ro"]
    }
  }

  private func withHost(_ body: (Host) throws -> Void) async throws {
    try await withTemporaryFolder { folder in try body(try Host(folder)) }
  }

  @Test func `the mounts of certctl's compose file have no fault`() async throws {
    try await withHost { host in
      let survey = try host.survey(host.good)
      #expect(survey.faults == [])
      #expect(survey.warnings == [])
    }
  }

  @Test func `live and archive can be siblings at another path`() async throws {
    try await withHost { host in
      let mounts = host.nginx(and: "\(host.state)/live:/c/live", "\(host.state)/archive:/c/archive")
      let survey = try host.survey(mounts)
      #expect(survey.faults == [])
    }
  }

  // MARK: - The nginx folder

  @Test func `an nginx folder that is not mounted from the host is a fault`() async throws {
    try await withHost { host in
      let fault = try host.fault(Array(host.good.dropFirst()))
      #expect(fault.message.contains("/etc/nginx is not mounted from this host"))
      #expect(fault.volumes == ["./nginx:/etc/nginx:ro"])
      #expect(fault.advice?.contains("docker cp web:/etc/nginx/. ./nginx") == true)
    }
  }

  @Test func `a partially mounted nginx folder is a fault`() async throws {
    try await withHost { host in
      let mounts = ["\(host.nginx)/conf.d:/etc/nginx/conf.d"] + host.good.dropFirst()
      let fault = try host.fault(mounts)
      #expect(fault.message.contains("only /etc/nginx/conf.d of /etc/nginx is mounted"))
      #expect(fault.volumes == ["./nginx:/etc/nginx:ro"])
    }
  }

  @Test func `nginx.conf mounted as a single file is a fault`() async throws {
    try await withHost { host in
      for before in [[], ["\(host.nginx):/etc/nginx"]] {
        let mounts =
          before + ["\(host.nginx)/nginx.conf:/etc/nginx/nginx.conf"] + host.good.dropFirst()
        let fault = try host.fault(mounts)
        #expect(fault.message.contains("/etc/nginx/nginx.conf is mounted as a single file"))
        #expect(fault.volumes == ["\(host.nginx):/etc/nginx:ro"])
      }
    }
  }

  @Test func `an empty folder mounted over the image's is a fault`() async throws {
    try await withHost { host in
      host.folder.remove("nginx/nginx.conf")
      let fault = try host.fault(host.good)
      #expect(fault.message.contains("which has no nginx.conf"))
      let fill =
        "docker run --rm --entrypoint tar nginx:1 -C /etc/nginx -c . | tar -C \(host.nginx)"
      #expect(fault.advice?.contains(fill) == true)
    }
  }

  @Test func `a missing nginx folder is a fault`() async throws {
    try await withHost { host in
      host.folder.remove("nginx")
      let fault = try host.fault(host.good)
      #expect(fault.message.contains("which does not exist"))
    }
  }

  @Test(arguments: ["sites-available", "sites-enabled", "certctl/challenges"])
  func `a separate mount where certctl writes is a fault`(_ name: String) async throws {
    try await withHost { host in
      let other = try host.folder.makeFolder("other")
      let fault = try host.fault(host.good + ["\(other):/etc/nginx/\(name)"])
      #expect(fault.message.contains("/etc/nginx/\(name) is a separate mount"))
    }
  }

  @Test func `a link that leads out of the mount is a fault`() async throws {
    try await withHost { host in
      try host.folder.makeFolder("elsewhere")
      try host.link("nginx/sites-available", to: "../elsewhere")
      let fault = try host.fault(host.good)
      #expect(fault.message.contains("a link to ../elsewhere"))
      #expect(fault.message.contains("leads out of the mount"))
      host.folder.remove("nginx/sites-available")
      try host.folder.makeFolder("nginx/available")
      try host.link("nginx/sites-available", to: "available")
      #expect(try host.survey(host.good).faults == [])
    }
  }

  // MARK: - Certificates

  @Test func `certificates that are not mounted are a fault`() async throws {
    try await withHost { host in
      let fault = try host.fault(host.nginx())
      #expect(fault.message.contains("certificates in \(host.state)/live are not mounted"))
      #expect(fault.volumes == host.certificateVolumes)
    }
  }

  @Test func `mounting a single certificate is a fault`() async throws {
    try await withHost { host in
      let fault = try host.fault(host.nginx(and: "\(host.state)/live/a.test:/certs"))
      #expect(fault.message.contains("only \(host.state)/live/a.test is mounted"))
      #expect(fault.volumes == host.certificateVolumes)
    }
  }

  @Test func `mounting live without archive is a fault`() async throws {
    try await withHost { host in
      let fault = try host.fault(host.nginx(and: "\(host.state)/live:\(host.state)/live"))
      #expect(fault.message.contains("without \(host.state)/archive"))
      #expect(fault.volumes == host.certificateVolumes)
    }
  }

  @Test func `mounting live and archive in different folders is a fault`() async throws {
    try await withHost { host in
      let mounts = host.nginx(and: "\(host.state)/live:/c/live", "\(host.state)/archive:/archive")
      let fault = try host.fault(mounts)
      #expect(fault.message.contains("/c/live and archive at /archive"))
      #expect(fault.volumes == host.certificateVolumes)
    }
  }

  @Test(arguments: ["live/a.test/fullchain.pem", "archive/a.test/0001/fullchain.pem"])
  func `a certificate mounted as a single file is a fault`(_ file: String) async throws {
    try await withHost { host in
      let mount = "\(host.state)/\(file):/etc/ssl/a.pem"
      let fault = try host.fault(host.nginx(and: mount))
      #expect(fault.message.contains("/etc/ssl/a.pem is mounted as a single file"))
      // Next to the correct mounts it can have another purpose: only a warning.
      let survey = try host.survey(host.good + [mount])
      #expect(survey.faults == [])
      #expect(survey.warnings.first?.contains("/etc/ssl/a.pem") == true)
    }
  }

  @Test func `mounting the whole state directory is a warning`() async throws {
    try await withHost { host in
      let survey = try host.survey(host.nginx(and: "\(host.state):\(host.state)"))
      #expect(survey.faults == [])
      #expect(survey.warnings.count == 1)
      #expect(survey.warnings.first?.contains("only live and archive") == true)
    }
  }

  @Test func `a link that dangles in the container is a fault`() async throws {
    try await withHost { host in
      let live = "\(host.state)/live/a.test/fullchain.pem"
      try host.folder.makeFolder("nginx/certs")
      try host.link("nginx/certs/a.pem", to: live)
      try host.link("nginx/certs/other.pem", to: "/etc/hostname")
      let elsewhere = host.nginx(
        and: "\(host.state)/live:/c/live", "\(host.state)/archive:/c/archive")
      let fault = try host.fault(elsewhere)
      #expect(fault.message.contains("the link \(host.nginx)/certs/a.pem leads to"))
      #expect(fault.volumes == host.certificateVolumes)
      #expect(try host.survey(host.good).faults == [])
    }
  }

  // MARK: - Copies

  @Test func `copies must be mounted, and need no other certificate mounts`() async throws {
    try await withHost { host in
      let copy = try host.folder.makeFolder("copies")
      let fault = try host.fault(host.nginx(), copy: copy)
      #expect(fault.message.contains("\(copy) is not mounted"))
      #expect(fault.volumes == ["\(copy):\(copy):ro"])
      #expect(try host.survey(host.nginx(and: "\(copy):/certs"), copy: copy).faults == [])
      let inside = "\(host.nginx)/certs"
      #expect(try host.survey(host.nginx(), copy: inside).faults == [])
      try host.folder.write("copies/a.test/combined.pem", "both")
      let file = try host.fault(
        host.nginx(and: "\(copy)/a.test/combined.pem:/a.pem"), copy: copy)
      #expect(file.message.contains("/a.pem is mounted as a single file"))
    }
  }

  // MARK: - The error

  @Test func `all faults are one error that lists the missing volumes`() async throws {
    try await withHost { host in
      let labels = """
        {"com.docker.compose.service":"proxy","com.docker.compose.project.working_dir":"/srv/p",
         "com.docker.compose.project.config_files":"docker-compose.yml"}
        """
      let container = try NginxContainer.sample(labels: labels)
      let survey = MountSurvey(
        container: container, configuration: "/etc/nginx/nginx.conf",
        stateDirectory: host.state, copy: nil)
      let error = MountFault.error(survey.faults, in: container)
      #expect(error.code == .configuration)
      #expect(error.exitCode == 78)
      #expect(error.details.first?.contains("service proxy in /srv/p/docker-compose.yml") == true)
      for line in ["./nginx:/etc/nginx:ro"] + host.certificateVolumes {
        #expect(error.details.contains("    - \(line)"))
      }
      expectText(error.hint, mentions: "docker compose up -d proxy")
    }
  }
}
