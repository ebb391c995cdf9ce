import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlServing

/// The behaviour of nginx with site files, in all versions.
@Suite(.requires("nginx", PythonPrograms.nginx, "openssl", "curl"), .timeLimit(.minutes(10)))
struct SiteBehaviourTests {
  @Test(arguments: SiteNginx.allCases)
  func `a known name is redirected to https, and an unknown one is rejected`(_ kind: SiteNginx)
    async throws
  {
    try await RenderedSiteHost.run(kind) { _, ports in
      [
        try .sample(
          "a.test", "b.test", to: "http://127.0.0.1:\(ports.application)", ports.settings),
        try .sample("*.wild.test", to: "http://127.0.0.1:\(ports.application)", ports.settings),
      ]
    } _: { host in
      for name in ["a.test", "b.test", "x.wild.test"] {
        let answer = try await host.get("http://\(name)/x%20y?z=1", "-X", "POST")
        #expect(answer.standardOutput.hasPrefix("HTTP/1.1 308"), "\(answer)")
        #expect(
          answer.standardOutput.contains(
            "Location: https://\(name):\(host.ports.https)/x%20y?z=1\r\n"), "\(answer)")
      }
      let unknown = try await host.get("http://a.test/", "-H", "Host: evil.test")
      #expect(unknown.exitCode == 52 && unknown.standardOutput == "", "\(unknown)")
      let noName = try await host.get("https://evil.test/", "-k")
      #expect(noName.exitCode == 35, "\(noName)")
      // A known name in the handshake, an unknown one in the request.
      let smuggled = try await host.get("https://a.test/", "--http1.1", "-H", "Host: evil.test")
      #expect(smuggled.standardOutput == "", "\(smuggled)")
      let good = try await host.get("https://a.test/", "--http2")
      #expect(good.standardOutput.hasPrefix("HTTP/2 200"), "\(good)")
      #expect(!good.standardOutput.lowercased().contains("server: nginx/"))
    }
  }

  @Test(arguments: SiteNginx.allCases)
  func `forged headers of a client do not reach the application`(_ kind: SiteNginx) async throws {
    try await RenderedSiteHost.run(kind) { _, ports in
      [
        try .sample(
          "a.test", to: "http://127.0.0.1:\(ports.application)",
          locations: ["/api/=http://127.0.0.1:\(ports.application)/"], ports.settings)
      ]
    } _: { host in
      var forged: [String] = []
      for header in [
        "X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "X-Forwarded-Proto: http",
        "X-Forwarded-Host: evil.test", "X-Forwarded-Prefix: /evil", "Forwarded: for=6.6.6.6",
        "Upgrade: h2c", "Connection: Upgrade",
      ] {
        forged += ["-H", header]
      }
      let answer = try await Program(
        "curl",
        ["-s", "-k", "--http1.1", "--connect-to", "::127.0.0.1:"] + forged
          + ["https://a.test:\(host.ports.https)/p"]
      ).run().standardOutput
      #expect(
        answer == """
          uri=/p host=a.test:\(host.ports.https) for=127.0.0.1 real=127.0.0.1
          proto=https forwarded= prefix=
          upgrade= connection= auth=.

          """)
      let inner = try await host.get("https://a.test/api/x%2Fy?z=1")
      #expect(inner.standardOutput.contains("uri=/x/y?z=1 "), "\(inner)")
      #expect(inner.standardOutput.contains("prefix=/api\n"), "\(inner)")
    }
  }

  @Test(arguments: SiteNginx.allCases)
  func `every response has each security header once`(_ kind: SiteNginx) async throws {
    try await RenderedSiteHost.run(kind) { bench, ports in
      let again =
        bench.build.hasAddHeaderInherit
        ? "" : "include \(bench.folder.path)/certctl/headers.conf;"
      try bench.folder.write(
        "certctl/custom/a.test/own.conf",
        "location /own { \(again) add_header X-Own yes; return 200 own; }\n")
      return [
        try .sample("a.test", to: "http://127.0.0.1:\(ports.application)") {
          ports.settings(&$0)
          $0.hsts = SiteHSTS()
        }
      ]
    } _: { host in
      for path in ["/", "/missing", "/own"] {
        let head = try await host.get("https://a.test\(path)").standardOutput.lowercased()
        #expect(head.contains("x-content-type-options: nosniff\r\n"), "\(path): \(head)")
        #expect(head.contains("x-frame-options: sameorigin\r\n"), "\(path): \(head)")
        #expect(head.contains("referrer-policy: strict-origin-when-cross-origin\r\n"))
        if path != "/own" || host.bench.build.hasAddHeaderInherit {
          #expect(head.contains("strict-transport-security: max-age=300\r\n"), "\(path): \(head)")
        }
        #expect(head.contains("x-own: yes") == (path == "/own"))
      }
      let framed = try await host.get("https://a.test/framed").standardOutput.lowercased()
      #expect(framed.contains("x-frame-options: deny\r\n"), "\(framed)")
      #expect(framed.ranges(of: "x-frame-options").count == 1, "\(framed)")
    }
  }

  @Test(arguments: SiteNginx.allCases)
  func `redirects of an application stay on the site`(_ kind: SiteNginx) async throws {
    try await RenderedSiteHost.run(kind) { _, ports in
      [
        try .sample(
          "a.test", to: "http://127.0.0.1:\(ports.application)",
          locations: ["/api/=http://127.0.0.1:\(ports.application)/"], ports.settings)
      ]
    } _: { host in
      for (path, target) in [
        ("/port", "/there"), ("/relative", "/there"), ("/api/relative", "/api/there"),
        ("/api/port", "/api/there"),
      ] {
        let head = try await host.get("https://a.test\(path)", "--http1.1").standardOutput
        #expect(head.contains("Location: \(target)\r\n"), "\(path): \(head)")
      }
    }
  }

  @Test(arguments: SiteNginx.allCases)
  func `challenges are answered despite a redirect and a password`(_ kind: SiteNginx) async throws {
    try await RenderedSiteHost.run(kind) { bench, ports in
      let passwords = try bench.folder.write("htpasswd", "me:{PLAIN}secret\n")
      return [
        try .sample("a.test", to: "http://127.0.0.1:\(ports.application)") {
          ports.settings(&$0)
          $0.passwordFile = passwords
        }
      ]
    } _: { host in
      try host.bench.folder.write("certctl/challenges/.well-known/acme-challenge/token", "answer")
      for scheme in ["http", "https"] {
        let answer = try await host.get("\(scheme)://a.test/.well-known/acme-challenge/token")
        #expect(answer.standardOutput.contains(" 200"), "\(answer)")
        #expect(answer.standardOutput.hasSuffix("\r\n\r\nanswer"), "\(answer)")
      }
      #expect(try await host.get("https://a.test/").standardOutput.contains(" 401"))
      let known = try await host.get("https://a.test/", "-u", "me:secret")
      #expect(known.standardOutput.contains("auth=.\n"), "our password is not the application's")
    }
  }

  @Test(arguments: SiteNginx.allCases)
  func `static files are served, and hidden files are not`(_ kind: SiteNginx) async throws {
    try await RenderedSiteHost.run(kind) { bench, ports in
      let root = try bench.folder.makeFolder("www")
      try bench.folder.write("www/index.html", "home")
      try bench.folder.write("www/sub/index.html", "below")
      try bench.folder.write("www/.git/config", "secret")
      return [
        try .sample("www.a.test", to: root, locations: ["/files/=\(root)"]) {
          ports.settings(&$0)
          $0.redirectsWWW = true
          $0.template = .static
        }
      ]
    } _: { host in
      for (path, text) in [("/", "home"), ("/files/sub/", "below"), ("/sub/", "below")] {
        #expect(try await host.get("https://www.a.test\(path)").standardOutput.hasSuffix(text))
      }
      for path in ["/.git/config", "/files/.git/config", "/none"] {
        #expect(try await host.get("https://www.a.test\(path)").standardOutput.contains(" 404"))
      }
      let folder = try await host.get("https://www.a.test/sub", "--http1.1").standardOutput
      #expect(folder.contains("Location: /sub/\r\n"), "\(folder)")
      for scheme in ["http", "https"] {
        let answer = try await host.get("\(scheme)://a.test/x", "--http1.1").standardOutput
        #expect(
          answer.contains("Location: https://www.a.test:\(host.ports.https)/x\r\n"), "\(answer)")
      }
    }
  }
}
