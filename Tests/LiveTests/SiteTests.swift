import CertctlCore
import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// `certctl site` with a real nginx and a real CA.
@Suite(.timeLimit(.minutes(30)), .needsPebble, .needsNginx)
struct SiteTests {
  @Test func `a site is added, served, renewed, disabled, enabled and removed`()
    async throws
  {
    try await SiteHost.run { site in
      let before = try site.configuration()
      let added = try await site.add("plex.test.example,www.plex.test.example")
      #expect(added.exitCode == 0, "\(added)")
      // certctl shows the line that it adds to nginx.conf.
      #expect(added.standardError.contains("include \(site.nginx.folder.path)/sites-enabled/"))
      let first = try site.host.leaf("plex.test.example")
      for name in ["plex.test.example", "www.plex.test.example"] {
        #expect(try await site.served(name) == first)
        let page = try await site.get("https://\(name):\(site.tlsPort)/a?b")
        #expect(page.contains("application /a?b"), "\(page)")
        let plain = try await site.get("http://\(name):\(site.httpPort)/a?b")
        #expect(plain.hasPrefix("HTTP/1.1 308"), "\(plain)")
        #expect(
          plain.lowercased().contains("location: https://\(name):\(site.tlsPort)/a?b"), "\(plain)")
      }
      #expect(try await site.report("plex.test.example")["state"].string == "enabled")

      // Adding it again does nothing: no reload, no new certificate.
      let log = site.nginx.errorLog
      let again = try await site.add("plex.test.example,www.plex.test.example")
      #expect(again.exitCode == 0, "\(again)")
      #expect(!site.nginx.errorLog.dropFirst(log.count).contains("reconfiguring"))
      #expect(try site.host.leaf("plex.test.example") == first)

      try await site.host.certctl.run(["renew", "--force"]).requireSuccess("renew")
      let second = try site.host.leaf("plex.test.example")
      #expect(second != first)
      #expect(try await site.served("plex.test.example") == second)

      try await site.site("disable", "plex.test.example").requireSuccess("disable")
      #expect(try await site.served("plex.test.example") == nil)
      try await site.site("enable", "www.plex.test.example").requireSuccess("enable")
      #expect(try await site.served("plex.test.example") == second)
      try await site.site("remove", "plex.test.example").requireSuccess("remove")
      let after = try site.configuration().filter { !$0.key.hasPrefix("sites-") }
      #expect(after == before)
      #expect(site.host.entries("transactions").isEmpty)
      #expect(try site.host.leaf("plex.test.example") == second)
    }
  }

  @Test(.needsKnot)
  func `a wildcard gets a certificate with dns-01 and is served beside its base name`() async throws
  {
    try await KnotServer.run(zone: "test.example") { dns in
      try await SiteHost.run(dns: dns) { site in
        let names = "home.test.example,*.home.test.example"
        // The DNS provider is set in certctl.toml, so no option is needed.
        try await site.add(names).requireSuccess("site add")
        let first = try site.host.leaf("home.test.example")
        for name in ["home.test.example", "plex.home.test.example", "cloud.home.test.example"] {
          #expect(try await site.served(name) == first)
          let page = try await site.get("https://\(name):\(site.tlsPort)/a?b")
          #expect(page.contains("application /a?b"), "\(page)")
          let plain = try await site.get("http://\(name):\(site.httpPort)/a")
          #expect(plain.hasPrefix("HTTP/1.1 308"), "\(plain)")
        }
        #expect(try await dns.texts("_acme-challenge.home.test.example").isEmpty)
        try await site.host.certctl.run(["renew", "--force"]).requireSuccess("renew")
        let second = try site.host.leaf("home.test.example")
        #expect(second != first)
        #expect(try await site.served("plex.home.test.example") == second)
        // With --dns, all names use dns-01.
        try await site.add("all.test.example,*.all.test.example", options: ["--dns", "rfc2136"])
          .requireSuccess("site add --dns")
        #expect(
          try await site.host.report("all.test.example")["challenge"].string == "dns-01")
        try await site.site("remove", "home.test.example").requireSuccess("remove")
        let left = try await site.served("plex.home.test.example")
        #expect(left == nil, "\(String(describing: left?.dnsNames)) \(left == second)")
      }
    }
  }

  @Test func `a broken foreign file is named, and nothing is written`() async throws {
    try await SiteHost.run { site in
      let good = try #require(site.nginx.folder.read("nginx.conf"))
      try site.nginx.folder.write(
        "nginx.conf", good + "http { upstream broken { server nobody.invalid:80; } }\n")
      let before = try site.configuration()
      let result = try await site.add("a.test.example")
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("nginx.conf"), "\(result)")
      #expect(try site.configuration() == before)
      #expect(site.host.entries("sites").isEmpty)
      #expect(!site.host.pebble.requests.contains("POST /order-plz"))
    }
  }

  @Test func `without a running nginx nothing is written`() async throws {
    try await LiveHost.run { host in
      let result = try await host.certctl.run(
        ["site", "add", "a.test.example", "http://127.0.0.1:1", "--nginx-dir", host.folder.path]
          + host.authority)
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("no nginx runs on this host"), "\(result)")
      #expect(result.standardError.contains("systemctl start nginx"), "\(result)")
      #expect(host.entries("sites").isEmpty)
    }
  }

  @Test func `a failed issuance leaves no trace of the site in nginx`() async throws {
    try await SiteHost.run { site in
      try await site.add("good.test.example").requireSuccess("site add")
      let before = try site.configuration()
      // This bundle lacks the root of the CA's own server certificate.
      let result = try await site.add(
        "bad.test.example", options: ["--ca-bundle", site.root])
      #expect(result.exitCode != 0, "\(result)")
      #expect(try site.configuration() == before)
      #expect(try await site.served("bad.test.example") == nil)
      #expect(try await site.served("good.test.example") != nil)
      #expect(site.host.entries("sites") == ["good.test.example.json"])
      #expect(site.host.entries("transactions").isEmpty)
    }
  }

  @Test func `an unresolvable upstream stops neither nginx nor a reload`() async throws {
    try await SiteHost.run { site in
      let added = try await site.add("a.test.example", upstream: "http://nobody.invalid:8080")
      #expect(added.exitCode == 0, "\(added)")
      let page = try await site.get("https://a.test.example:\(site.tlsPort)/")
      #expect(page.contains(" 502 "), "\(page)")
      try await site.host.certctl.run(["renew", "--force"]).requireSuccess("renew")
      #expect(try await site.served("a.test.example") == site.host.leaf("a.test.example"))
    }
  }

  @Test func `ciphers that do not fit the new key are reported before anything changes`()
    async throws
  {
    try await SiteHost.run { site in
      let options = ["--webroot", site.nginx.folder.path("web"), "--key-type", "rsa2048"]
      try site.nginx.folder.makeFolder("web")
      let live = site.host.folder.path("state/live/old.test.example")
      let base = try #require(site.nginx.folder.read("nginx.conf"))
      try await site.nginx.reload(
        http: "server { listen 127.0.0.1:\(site.httpPort); root web; }")
      try await site.host.issue(["old.test.example"], by: options).requireSuccess("issue")
      // As in guides from 2019: `nginx -t` accepts these ciphers with any key.
      try await site.nginx.reload(
        http: """
          server { listen 127.0.0.1:\(site.httpPort); root web; }
          server {
            listen 127.0.0.1:\(site.tlsPort) ssl;
            server_name old.test.example;
            ssl_protocols TLSv1.2;
            ssl_ciphers ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-GCM-SHA384;
            ssl_certificate \(live)/fullchain.pem;
            ssl_certificate_key \(live)/privkey.pem;
          }
          """)
      let old = try #require(try await site.served("old.test.example"))
      let result = try await site.host.issue(
        ["old.test.example"],
        by: ["--webroot", site.nginx.folder.path("web"), "--key-type", "ec256"])
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("ECDHE-RSA-AES256-GCM-SHA384"), "\(result)")
      #expect(try await site.served("old.test.example") == old)
      #expect(try site.host.leaf("old.test.example") == old)
      #expect(base != site.nginx.folder.read("nginx.conf"))
    }
  }

  @Test func `a site file edited by hand is left alone`() async throws {
    try await SiteHost.run { site in
      try await site.add("a.test.example").requireSuccess("site add")
      let path = "sites-available/a.test.example.conf"
      let changed = try #require(site.nginx.folder.read(path)) + "# mine\n"
      try site.nginx.folder.write(path, changed)
      #expect(try await site.report("a.test.example")["state"].string == "changed")
      let other = "http://127.0.0.1:9"
      let refused = try await site.add("a.test.example", upstream: other)
      #expect(refused.exitCode == 1, "\(refused)")
      #expect(refused.standardError.contains(path), "\(refused)")
      #expect(try await site.site("remove", "a.test.example").exitCode == 1)
      #expect(site.nginx.folder.read(path) == changed)
      try await site.add("a.test.example", upstream: other, options: ["--force"])
        .requireSuccess("site add --force")
      #expect(site.nginx.folder.read(path)?.contains("127.0.0.1:9") == true)
    }
  }

  @Test func `a name that a foreign file serves and a foreign file of that name are refused`()
    async throws
  {
    let port = try FreePort.pick()
    let foreign = "server { listen 127.0.0.1:\(port); server_name taken.test.example; }"
    try await SiteHost.run(more: foreign) { site in
      var arguments = site.addArguments("taken.test.example")
      let index = try #require(arguments.firstIndex(of: "--listen-https"))
      arguments[index + 1] = "\(port)"
      let result = try await site.host.certctl.run(arguments)
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("taken.test.example"), "\(result)")
      try site.nginx.folder.write("sites-available/b.test.example.conf", "# theirs\n")
      let other = try await site.add("b.test.example")
      #expect(other.exitCode == 1, "\(other)")
      #expect(other.standardError.contains("sites-available/b.test.example.conf"), "\(other)")
      #expect(site.nginx.folder.read("sites-available/b.test.example.conf") == "# theirs\n")
      #expect(site.host.entries("sites").isEmpty)
    }
  }

  @Test func `a certificate in use is deleted or revoked only with --placeholder`() async throws {
    try await SiteHost.run { site in
      try await site.add("a.test.example").requireSuccess("site add")
      let certctl = site.host.certctl
      let leaf = try site.host.leaf("a.test.example")
      for command in [["delete", "--yes"], ["revoke"]] {
        let result = try await certctl.run(command + ["a.test.example"])
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.standardError.contains("in use"), "\(result)")
      }
      #expect(try await site.served("a.test.example") == leaf)
      try await certctl.run(["revoke", "a.test.example", "--placeholder"])
        .requireSuccess("revoke --placeholder")
      let placeholder = try #require(try await site.served("a.test.example"))
      #expect(placeholder.isPlaceholder)
      #expect(try await site.report("a.test.example")["state"].string == "uncertified")
      #expect(try await site.host.report("a.test.example")["state"].string == "placeholder")
      #expect(try await certctl.run(["nginx", "status"]).exitCode == 1)
      // The next run replaces the placeholder.
      try await certctl.run(["renew"]).requireSuccess("renew")
      let new = try #require(try await site.served("a.test.example"))
      #expect(!new.isPlaceholder && new != leaf)
      try await certctl.run(["delete", "a.test.example", "--yes", "--placeholder"])
        .requireSuccess("delete --placeholder")
      #expect(try await site.served("a.test.example")?.isPlaceholder == true)
    }
  }

  @Test func `a site with --dhe gets DH parameters`() async throws {
    try await SiteHost.run { site in
      try await site.add("a.test.example", options: ["--dhe", "--key-type", "rsa2048"])
        .requireSuccess("site add")
      let path = site.nginx.folder.path("certctl/dhparam.pem")
      try await site.host.certctl.run(["dhparam", "--check", path]).requireSuccess("dhparam")
      let probe = try await Program(
        "openssl",
        ["s_client", "-connect", "127.0.0.1:\(site.tlsPort)", "-servername", "a.test.example"]
          + ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"]
      ).run(within: .seconds(20), input: "")
      #expect(probe.standardOutput.contains("Server Temp Key: DH, 2048 bits"), "\(probe)")
    }
  }

  @Test func `renewals raise the HSTS max-age unless the file was edited by hand`()
    async throws
  {
    try await SiteHost.run { site in
      try await site.add("a.test.example", options: ["--hsts"]).requireSuccess("site add")
      let path = "sites-available/a.test.example.conf"
      #expect(site.nginx.folder.read(path)?.contains("max-age=300\"") == true)
      // The max-age depends on the date in the record since when HSTS is on.
      func renew(after days: Int) async throws {
        let record = "state/sites/a.test.example.json"
        let text = try #require(site.host.folder.read(record))
        let since = try #require(text.firstRange(of: "\"since\""))
        let value = text[since.upperBound...].split(separator: "\"", maxSplits: 2)
        let date = try #require(value.count > 1 ? value[1] : nil)
        let earlier = Date(timeIntervalSinceNow: -Double(days) * 86400).rfc3339
        #expect(date.count == earlier.count, "\(text)")
        try site.host.folder.write(record, text.replacing(date, with: earlier))
        try await site.host.certctl.run(["renew"]).requireSuccess("renew")
      }
      try await renew(after: 2)
      #expect(site.nginx.folder.read(path)?.contains("max-age=604800\"") == true)
      let page = try await site.get("https://a.test.example:\(site.tlsPort)/")
      #expect(page.lowercased().contains("max-age=604800"), "\(page)")
      let changed = try #require(site.nginx.folder.read(path)) + "# mine\n"
      try site.nginx.folder.write(path, changed)
      try await renew(after: 40)
      #expect(site.nginx.folder.read(path) == changed)
    }
  }

  @Test(arguments: [["--basic-auth", "/nowhere/users"], ["--location", "/f/=/nowhere/files"]])
  func `missing files are reported before anything is written`(options: [String])
    async throws
  {
    try await SiteHost.run { site in
      let before = try site.configuration()
      let result = try await site.add("a.test.example", options: options)
      #expect(result.exitCode == 64, "\(result)")
      #expect(result.standardError.contains("/nowhere/"), "\(result)")
      #expect(try site.configuration() == before)
    }
  }

  @Test func `copies are updated with the certificate`() async throws {
    try await SiteHost.run { site in
      let copies = site.host.folder.path("copies")
      let added = try await site.add("a.test.example", options: ["--deploy-copy", copies])
      #expect(added.exitCode == 0, "\(added)")
      let first = try #require(try await site.served("a.test.example"))
      try await site.host.certctl.run(["renew", "--force"]).requireSuccess("renew")
      let second = try #require(try await site.served("a.test.example"))
      #expect(second != first)
      #expect(try site.host.leaf("a.test.example") == second)
      let text = try #require(site.host.folder.read("copies/a.test.example/combined.pem"))
      #expect(text.hasPrefix("-----BEGIN PRIVATE KEY-----"))
      #expect(text.contains(String(decoding: second.pem, as: UTF8.self)))
    }
  }
}
