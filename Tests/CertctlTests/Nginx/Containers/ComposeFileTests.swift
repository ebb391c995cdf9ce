import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlServing

/// The text of a compose file; the live tests check that engines accept it.
struct ComposeFileTests {
  @Test func `the file mounts what nginx needs, and no other certctl directory`() throws {
    let file = try ComposeFile(
      stateDirectory: "/var/lib/certctl/", ports: (8080, 8443), hasHTTP3: true)
    try expectSnapshot(file.text, "generated/compose.yaml")
    let volumes = file.text.split(separator: "\n").filter { $0.contains(":ro") }
    #expect(
      volumes.map { $0.drop { $0 == " " } } == [
        "- ./nginx:/etc/nginx:ro", "- /var/lib/certctl/live:/var/lib/certctl/live:ro",
        "- /var/lib/certctl/archive:/var/lib/certctl/archive:ro",
      ])
    for line in [
      "container_name: nginx", "stop_signal: SIGQUIT", "restart: unless-stopped",
      "- \"8080:80\"", "- \"8443:443\"", "- \"8443:443/udp\"", "name: proxy",
    ] {
      #expect(file.text.contains(" \(line)\n"), "\(line)")
    }
    for word in ["version:", "hostname:", "healthcheck", "docker.sock"] {
      #expect(!file.text.contains(word))
    }
  }

  @Test func `HTTP/3 is off by default, and copies replace the live and archive mounts`() throws {
    let file = try ComposeFile(
      container: "front", image: "registry.test:5000/nginx@sha256:00ff", nginxFolder: "/srv/nginx",
      stateDirectory: "/var/lib/certctl", copy: "/srv/certs", network: "web")
    #expect(!file.text.contains("udp"))
    #expect(!file.text.contains("/var/lib/certctl"))
    #expect(file.text.contains("- /srv/certs:/srv/certs:ro\n"))
    #expect(file.text.contains("- /srv/nginx:/etc/nginx:ro\n"))
    #expect(file.text.contains("\n  front:\n"))
  }

  @Test(arguments: [
    "", "/", "relative", "../nginx", "./../nginx", "/srv/a:b", "/srv/${HOME}", "/srv/a b",
    "/srv/\"",
    "/srv/a\nprivileged: true", "/srv/#", "/srv/а",
  ])
  func `unsafe folder paths are refused`(_ path: String) {
    for copy in [nil, path] {
      let error = #expect(throws: CertctlError.self) {
        try ComposeFile(
          nginxFolder: copy == nil ? path : "./nginx", stateDirectory: "/var/lib/certctl",
          copy: copy)
      }
      #expect(error?.code == .usage)
    }
  }

  @Test(arguments: ["", "a b", "$image", "nginx\n", "\"nginx\"", "nginx{}"])
  func `invalid names, images, networks and ports are refused`(_ text: String) {
    for (name, image, network) in [
      (text, "nginx", "proxy"), ("nginx", text, "proxy"), ("nginx", "nginx", text),
    ] {
      #expect(throws: CertctlError.self) {
        try ComposeFile(
          container: name, image: image, stateDirectory: "/s/t", network: network)
      }
    }
    for port in [0, 65_536] {
      #expect(throws: CertctlError.self) {
        try ComposeFile(stateDirectory: "/s/t", ports: (80, port))
      }
    }
  }
}
