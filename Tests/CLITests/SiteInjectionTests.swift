import ACME
import ArgumentParser
import CertctlCore
import CertctlServing
import Testing

@testable import CertctlCLI

/// Nothing that a person types becomes a piece of nginx's configuration.
@Suite struct SiteInjectionTests {
  /// What has a meaning in nginx's files, to a shell or to a terminal, and what looks like it.
  static let evil = [
    ";", "{", "}", "$host", "${x}", "\"", "'", "\n", "\r\n", "\0", "\\", "#", " ", "\t", "`", "<",
    "(",
    "|", "&", "*", "?", "%00", "\u{1B}[2J", "\u{2028}", "\u{A0}", "\u{FF1B}", "\u{FF5B}", "\u{37E}",
    "\u{2024}\u{2024}/", "\u{202E}", "é", "а", String(repeating: "a", count: 9000),
    "; return 200 x; #", "x;}\nserver{listen 1;", "/../../etc",
  ]

  /// Arguments with a hole for each option that takes text.
  static let holes: [(option: String, text: @Sendable (String) -> [String])] = [
    ("--certificate", { ["--certificate", "name\($0)"] }),
    ("--root", { ["--root", "/srv/www\($0)"] }),
    ("--location", { ["--location", "/api\($0)/=http://api:8080"] }),
    ("--location", { ["--location", "\($0)=http://api:8080"] }),
    ("--location", { ["--location", "/api/=http://api:8080/base\($0)/"] }),
    ("--location", { ["--location", "/api/=http://api\($0):8080"] }),
    ("--location", { ["--location", "/api/=/srv/www\($0)"] }),
    ("--location", { ["--location", "/api/=unix:/run/app\($0).sock"] }),
    ("--template", { ["--template", "proxy\($0)"] }),
    ("--tls", { ["--tls", "modern\($0)"] }),
    ("--body-size", { ["--body-size", "10m\($0)"] }),
    ("--timeout", { ["--timeout", "10\($0)"] }),
    ("--basic-auth", { ["--basic-auth", "/etc/nginx/htpasswd\($0)"] }),
    ("--upstream-ca", { ["--upstream-verify", "--upstream-ca", "/etc/ca\($0).pem"] }),
    ("--upstream-name", { ["--upstream-name", "app\($0).example.com"] }),
    ("--listen-http", { ["--listen-http", "80\($0)"] }),
    ("--listen-https", { ["--listen-https", "443\($0)"] }),
  ]

  /// The exit code with which words are refused; nil when they make a site.
  private func refusal(
    _ arguments: [String], hosts: String, upstream: String?, parsed: SiteOptions? = nil
  ) -> Int32? {
    do {
      let options = try parsed ?? SiteOptions.parse(arguments)
      _ = try options.site(hosts: hosts, upstream: upstream)
      return nil
    } catch let error as CertctlError {
      return error.exitCode
    } catch let error as ACMEError {
      return CertctlError(wrapping: error).exitCode
    } catch {
      return SiteOptions.exitCode(for: error).rawValue
    }
  }

  @Test func `every option refuses what it does not know, by exit code 64`() {
    for (option, text) in Self.holes {
      let upstream = option == "--root" ? nil : "http://app"
      #expect(
        refusal(text(""), hosts: "a.test", upstream: upstream) == nil
          || text("")[1] == "=http://api:8080")
      for piece in Self.evil {
        #expect(
          refusal(text(piece), hosts: "a.test", upstream: upstream) == 64,
          "\(option) \(piece.debugDescription.prefix(60))")
      }
    }
  }

  @Test func `every option that takes text is tried here`() {
    let help = SiteOptions.helpMessage(columns: 200)
    let listed = help.split(separator: "\n").compactMap { line -> String? in
      let words = line.split(separator: " ")
      guard let first = words.first, first.hasPrefix("--"), words.count > 1, words[1].hasPrefix("<")
      else { return nil }
      return String(first)
    }
    #expect(listed.count > 10)
    #expect(Set(listed) == Set(Self.holes.map(\.option)))
  }

  @Test func `upstreams and hosts refuse it too`() throws {
    let options = try SiteOptions.parse([])
    let upstreams: [(String) -> String] = [
      { "http://app\($0)" }, { "http://app:80\($0)" }, { "\($0)http://app" },
      { "http\($0)://app" }, { "http://[::1\($0)]:80" }, { "http://app/base\($0)/" },
      { "unix:/run/app\($0)" }, { "http://one,http://two\($0)" }, { "10.0.0.1\($0)" },
      { "https://unix:/run\($0)/app" },
    ]
    for piece in Self.evil where piece != "/../../etc" {
      for upstream in upstreams {
        #expect(
          refusal([], hosts: "a.test", upstream: upstream(piece), parsed: options) == 64,
          "\(upstream(piece).debugDescription.prefix(60))")
      }
    }
    // Unicode is a way to write names: these become ASCII or are refused.
    for piece in Self.evil {
      for hosts in ["a\(piece).test", "a.test,\(piece)", "\(piece)"] {
        guard let site = try? options.site(hosts: hosts, upstream: "http://app") else {
          #expect(refusal([], hosts: hosts, upstream: "http://app", parsed: options) == 64)
          continue
        }
        #expect(
          site.hosts.allSatisfy { host in
            host.value.utf8.allSatisfy { byte in
              (97...122).contains(byte) || (48...57).contains(byte) || [45, 46].contains(byte)
                || (byte == 42 && host.isWildcard)
            }
          }, "\(hosts.debugDescription)")
      }
    }
  }

  @Test(
    arguments: [
      "", "http://", "ftp://app", "http://app:0", "http://app:65536", "http://app:+80",
      "http://app:",
      "http://1.2.3", "http://::1", "http://[app]", "unix:run/app", "unix:/run/../app",
      "http://a..b",
      "http://app/base", "http://a,https://b", "http://a/x/,http://b/", "http://a,http://a", "/",
      "//x",
      "http://user@app", "http://app?x", "https://app#x", "http://-app",
      "http://app/.well-known/acme-challenge/",
    ])
  func `these are no upstreams`(_ upstream: String) {
    #expect(refusal([], hosts: "a.test", upstream: upstream) == 64)
  }

  @Test(
    arguments: [
      ["--location", "/=http://b"], ["--location", "/a=/srv/a"], ["--location", "/a=http://b/c/"],
      ["--location", "/a/=http://b", "--location", "/a/=http://c"], ["--location", "/a/"],
      ["--location", "/.well-known/acme-challenge/x/=http://b"],
      ["--location", "/.well-known/acme-challenge=http://b"],
      ["--tls", "modern", "--dhe"], ["--template", "static"], ["--listen-http", "443"],
      ["--timeout", "0"], ["--timeout", "86401"], ["--upstream-ca", "/x"], ["--root", "/srv"],
      ["--upstream-ca", "", "--upstream-verify"], ["--basic-auth", ""],
    ])
  func `these do not fit together`(_ arguments: [String]) {
    #expect(refusal(arguments, hosts: "a.test", upstream: "http://app") == 64)
  }

  @Test func `addresses and doubled names are no hosts`() {
    for hosts in ["", "192.0.2.1", "::1", "a.test,a.test", "A.test,a.test", "a.test,", "a.test/x"] {
      #expect(refusal([], hosts: hosts, upstream: "http://app") == 64, "\(hosts)")
    }
    #expect(refusal(["--redirect-www"], hosts: "*.a.test", upstream: "http://app") == 64)
    #expect(refusal([], hosts: "a.test", upstream: nil) == 64)
    #expect(
      refusal(["--upstream-verify"], hosts: "a.test", upstream: "https://10.0.0.1") == 64)
  }
}
