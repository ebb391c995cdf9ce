import ACME
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlServing
@testable import CertctlStore

@Suite struct SiteTests {
  @Test func `a record is read as it was written`() throws {
    let site = try Site.sample(
      "*.example.com", "example.com", to: "https://one:8443/x/,https://[2001:db8::1]/x/",
      certificate: nil,
      locations: ["/api/=unix:/run/app.sock", "/files/=/srv/files", "/health=http://app:80"]
    ) {
      $0 = SiteSettings {
        $0.template = .upload
        $0.hsts = SiteHSTS(since: Date(timeIntervalSince1970: 1000), includesSubdomains: true)
        $0.passwordFile = "/etc/nginx/htpasswd"
        $0.verifiesUpstream = true
        $0.upstreamCA = "/etc/ca.pem"
        $0.upstreamName = "inner"
        $0.bodySize = "1g"
        $0.timeout = 7
        $0.usesHTTP3 = true
        $0.usesDHE = true
        $0.passesWebsockets = false
      }
    }
    #expect(site.name == "_wildcard.example.com")
    #expect(site.certificate == "example.com")
    #expect(site.files == ["/etc/nginx/htpasswd", "/etc/ca.pem", "/srv/files"])
    let bytes = try StateCoding.encoder().encode(site)
    #expect(try StateCoding.decoder().decode(Site.self, from: bytes) == site)
  }

  @Test(
    arguments: [
      (#""/srv/www""#, #""/srv/www;""#), (#""/srv/www""#, #""http://app;x""#),
      (#""a.test""#, #""a.test;""#), (#""a.test""#, #""a\n.test""#),
      (#""lineage""#, #""line age""#),
      (#""lineage""#, #""../x""#), (#""/health=http:\/\/app:80""#, #""/h{=http://app""#),
      (#""10m""#, #""10m;""#), (#""/etc/pw""#, #""/etc/$pw""#), (#"443"#, "0"),
      (#""intermediate""#, #""other""#),
    ])
  func `an invalid value in a record edited by hand is refused`(
    _ old: String, _ new: String
  ) throws {
    let record = """
      {"hosts": ["a.test"], "certificate": "lineage", "content": "/srv/www",
       "locations": ["/health=http:\\/\\/app:80"],
       "settings": {"bodySize": "10m", "passwordFile": "/etc/pw", "httpsPort": 443,
         "tls": "intermediate"}}
      """
    let whole = try StateCoding.decoder().decode(Site.self, from: Data(record.utf8))
    #expect(whole.settings.httpPort == 80, "what is missing has its usual value")
    let changed = record.replacing(old, with: new)
    try #require(changed != record)
    #expect(throws: (any Error).self) {
      try StateCoding.decoder().decode(Site.self, from: Data(changed.utf8))
    }
  }

  @Test func `the www counterpart of a host is included`() throws {
    let site = try Site.sample("example.com", "c.test") { $0.redirectsWWW = true }
    #expect(site.hosts.map(\.value) == ["example.com", "www.example.com", "c.test"])
    let other = try Site.sample("www.example.com", "example.com") { $0.redirectsWWW = true }
    #expect(other.hosts.map(\.value) == ["www.example.com", "example.com"])
    #expect(other.otherForm == "example.com")
  }

  @Test func `the HSTS max-age grows with time, and its start is kept`() throws {
    let start = Date(timeIntervalSince1970: 1_000_000)
    let first = try Site.sample("a.test") { $0.hsts = SiteHSTS() }
      .startingHSTS(at: start, after: nil)
    let hsts = try #require(first.settings.hsts)
    #expect(hsts.since == start)
    for (days, age) in [
      (0.0, 300), (0.9, 300), (1, 604_800), (6.9, 604_800), (7, 2_592_000), (29.9, 2_592_000),
      (30, 63_072_000), (1000, 63_072_000), (-5, 300),
    ] {
      #expect(hsts.age(at: start.addingTimeInterval(days * 86400)) == age, "\(days)")
    }
    let later = start.addingTimeInterval(1e7)
    let again = try Site.sample("a.test") { $0.hsts = SiteHSTS(includesSubdomains: true) }
      .startingHSTS(at: later, after: first)
    #expect(again.settings.hsts == SiteHSTS(since: start, includesSubdomains: true))
    let without = try Site.sample("a.test").startingHSTS(at: later, after: first)
    #expect(without.settings.hsts == nil)
    let anew = try again.startingHSTS(at: later, after: without)
    #expect(anew.settings.hsts?.since == start, "its own beginning stays")
  }

  @Test func `upstreams are accepted in common forms and normalised`() throws {
    for (text, line) in [
      ("app:8080", "http://app:8080"), ("HTTPS://App", "https://app:443"),
      ("http://[2001:DB8:0::1]/", "http://[2001:db8::1]:80/"),
      ("http://unix:/run/a.sock:", "http://unix:/run/a.sock"),
      ("unix:/run/a.sock", "http://unix:/run/a.sock"), ("10.0.0.1", "http://10.0.0.1:80"),
    ] {
      #expect(try SiteUpstream(text).description == line)
      #expect(try SiteUpstream(line).description == line)
    }
  }
}
