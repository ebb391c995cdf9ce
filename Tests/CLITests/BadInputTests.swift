import FoundationEssentials
import TestSupport
import Testing

/// What a person types wrong, with the exit code, the message and the hint.
@Suite(.timeLimit(.minutes(10)))
struct BadInputTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let words: [String]
    let exit: Int32
    let code: String
    /// What the message says, and what the hint.
    let message: String
    let hint: String

    init(_ line: String, _ message: String, hint: String = "") {
      self.init(line, 64, "usage", message, hint: hint)
    }

    init(_ line: String, _ exit: Int32, _ code: String, _ message: String, hint: String = "") {
      words = line.split(separator: " ").map { $0 == "''" ? "" : String($0) }
      (self.exit, self.code, self.message, self.hint) = (exit, code, message, hint)
    }

    var testDescription: String {
      let line = words.joined(separator: " ")
      return line.count > 60 ? line.prefix(60) + "…" : line
    }
  }

  private static let long63 = String(repeating: "a", count: 63)

  static let names: [Case] = [
    Case(
      "issue", "no name was given", hint: "certctl issue example.com"),
    Case("issue ''", "it is empty"),
    Case("issue exa_mple.com", "underscore"),
    Case("issue example..com", "empty label"),
    Case("issue -x.example.com --name x", "unknown option"),
    Case("issue example.com,www.example.com", "comma", hint: "separate"),
    Case("issue admin@example.com", "e-mail address", hint: "example.com"),
    Case("issue https://example.com/path", "URL", hint: "example.com"),
    Case("issue example.com:443", "port", hint: "example.com"),
    Case("issue 10.0.0.0/8", "slash"),
    Case("issue 300.1.1.1", "neither a domain nor an IPv4 address"),
    Case("issue 2001:db8::zz", "not an IPv6 address"),
    Case(
      "issue *.example.com", "*.example.com with http-01", hint: "--dns PROVIDER"),
    Case("issue a.*.example.com", "star"),
    Case("issue *.192.0.2.1", "cannot have a wildcard"),
    Case("issue \(long63)a.com", "longer than 63 bytes (64)"),
    Case(
      "issue " + (0..<4).map { _ in long63 }.joined(separator: ".") + ".com",
      "longer than 253 bytes (259)"),
    Case("issue example.com example.com", "given twice", hint: "once"),
    Case("issue example.com EXAMPLE.com", "'EXAMPLE.com' is the same name"),
    Case("issue example.com example.com.", "given twice"),
    Case("issue bücher.example xn--bcher-kva.example", "xn--bcher-kva.example is given twice"),
    Case("issue BÜCHER.example bücher.example", "given twice"),
    Case(
      "issue 192.0.2.1 --challenge dns-01", "require http-01", hint: "leave out --challenge"),
    Case("issue example.com --challenge dns-01", "dns-01 requires", hint: "--dns PROVIDER"),
    Case("issue example.com --challenge dns-02", "'dns-02'", hint: "dns-01"),
    Case("issue example.com --dns clouflare", "no DNS provider 'clouflare'", hint: "dns-providers"),
    Case("issue example.com --dns rfc2136:x", "--dns rfc2136 takes no argument"),
    Case(
      "issue example.com --dns rfc2136 --webroot /srv", "--webroot with dns-01",
      hint: "--challenge http-01"),
    Case("issue example.com --dns rfc2136 --challenge http-01", "--dns with http-01"),
    Case("issue *.example.com --dns rfc2136 --challenge http-01", "*.example.com with http-01"),
    Case("issue example.com --dns-resolver dns.test --dns rfc2136", "'dns.test' is not"),
    Case("issue example.com --dns-port 0", "--dns-port takes a port"),
    Case("issue example.com --dns-timeout 0", "--dns-timeout takes 1 to 86400"),
    Case("dns-providers nowhere", "no DNS provider 'nowhere'"),
    Case("dns-persist *.example.com --agree-tos", "'*.example.com'", hint: "--wildcard"),
    Case("dns-persist example.com --until yesterday", "--until takes a day to come"),
    Case("issue example.com --challenge http", "'http'", hint: "http-01"),
    Case(
      "issue example.com --name ../x", "'../x'", hint: "slash"),
  ]

  static let options: [Case] = [
    Case(
      "issue example.com --ca letsencrpyt", "unknown certificate authority 'letsencrpyt'",
      hint: "letsencrypt,"),
    Case("issue example.com --ca ''", "unknown certificate authority"),
    Case("issue example.com --ca http://ca.example/dir", "http is allowed only", hint: "https://"),
    Case("issue example.com --ca https://", "https://"),
    Case("issue example.com --ca ftp://ca.example/dir", "ftp://"),
    Case(
      "issue example.com --ca-bundle /no/such/file", "/no/such/file: the file does not exist",
      hint: "--ca-bundle"),
    Case(
      "issue example.com --ca-bundle /etc/passwd", "no PEM certificate", hint: "--ca-bundle"
    ),
    Case("issue example.com --key-type dsa", "'dsa' is invalid"),
    Case("issue example.com --key-type ed25519", "'ed25519' is invalid"),
    Case("issue example.com --key-mode 0644", "key mode '0644'", hint: "0640"),
    Case("issue example.com --key-mode rw", "key mode 'rw'", hint: "octal"),
    Case("issue example.com --group nosuchgroup", "no group 'nosuchgroup'", hint: "getent group"),
    Case("issue example.com --owner nosuchuser", "no user 'nosuchuser'", hint: "getent passwd"),
    Case("issue example.com --webroot /no/such/folder", "/no/such/folder", hint: "serves as /"),
    Case("issue example.com --webroot ''", "--webroot is empty"),
    Case("issue example.com --webroot /tmp --http-port 80", "exclude each other"),
    Case(
      "issue example.com --webroot /tmp --challenge tls-alpn-01",
      "--webroot with tls-alpn-01", hint: "http-01"),
    Case("issue example.com --http-port 0", "1 to 65535"),
    Case("issue example.com --http-port web", "'web' is invalid"),
    Case(
      "issue example.com --tls-port 443", "--tls-port with http-01",
      hint: "tls-alpn-01"),
    Case(
      "issue example.com --http-port 80 --challenge tls-alpn-01", "--http-port with tls-alpn-01"),
    Case("issue example.com --http-address eth0", "'eth0' is not an IP address", hint: "::1"),
    Case(
      "issue example.com --email nobody --agree-tos", "'nobody' is not an e-mail address",
      hint: "admin@"),
    Case("issue example.com --eab-kid id", "go together"),
    Case("issue example.com --eab-hmac-key-file /etc/passwd", "go together"),
    Case(
      "issue example.com --eab-kid id --eab-hmac-key-file /no/such/file", "cannot be read",
      hint: "--eab-hmac-key-file"),
    Case("issue example.com --eab-kid id --eab-hmac-key-file /etc/passwd", "base64url"),
    Case("issue example.com --hook ''", "--hook is empty", hint: "certctl issue --help"),
    Case("issue example.com --hook /bin/true --no-hook", "exclude each other"),
    Case("issue example.com --hook /no/such/hook", "the hook /no/such/hook: no such file"),
    Case("issue example.com --hook /etc/passwd", "it is not executable", hint: "chmod +x"),
    Case("issue --csr /no/such/file", "/no/such/file cannot be read", hint: "--csr"),
    Case("issue --csr /etc/passwd", "certificate request", hint: "BEGIN CERTIFICATE REQUEST"),
    Case("issue example.com --keep-generations 0", "1 to 1000"),
    Case("issue example.com --lock-timeout -1", "lock-timeout"),
    Case("issue example.com --lock-timeout soon", "'soon' is invalid"),
    Case("issue example.com --lock-timeout 100000", "0 to 86400"),
    Case("list --quiet --verbose", "exclude each other", hint: "certctl list --help"),
    Case("list --state-dir ''", "--state-dir is empty"),
    Case("list example.com", "unexpected argument 'example.com'"),
    Case("list --jsn", "unknown option '--jsn'", hint: "certctl list --help"),
    Case("isue example.com", "there is no command 'certctl isue'", hint: "issue, renew, list"),
    Case("account", ""),
    Case("account shw", "there is no command 'certctl account shw'", hint: "register, show"),
    Case("account update", "--no-email", hint: "certctl account update --help"),
    Case("revoke example.com --reason bad", "'bad' is no reason", hint: "certctl revoke --help"),
    Case("show", "<name>", hint: "certctl show --help"),
    Case("show ../x", "'../x'"),
    Case(
      "show example.com", 1, "notFound", "no certificate named 'example.com'",
      hint: "certctl issue"),
    Case("rollback example.com --to x", "'x' is invalid"),
    Case("delete example.com --yes", 1, "notFound", "no certificate named 'example.com'"),
    Case(
      "list --config /no/such.toml", 78, "configuration", "/no/such.toml is not there",
      hint: "--config"),
    Case("list --config /etc", 78, "configuration", "/etc cannot be read"),
  ].filter { $0.words != ["account"] }

  @Test(arguments: names + options)
  func `bad input gets a clear answer and leaves no trace`(_ bad: Case) async throws {
    try await CommandLineBench.with { bench in
      let (message, hint) = try await bench.fails(bad.words, exit: bad.exit, bad.code)
      #expect(message.contains(bad.message), "\(message)")
      #expect(hint.contains(bad.hint), "\(hint)")
      #expect(!message.contains("Usage:") && message.count < 700)
      #expect(!bench.hasState)
    }
  }

  @Test func `an empty group of commands shows its help`() async throws {
    try await CommandLineBench.with { bench in
      for words in [[], ["account"]] {
        let result = try await bench.binary.run(words)
        #expect(result.exitCode == 0)
        #expect(result.standardOutput.contains("Examples"))
      }
    }
  }

  // MARK: - The configuration file

  static let configurations: [(String, String, String)] = [
    ("emial = 'a@example.com'", "unknown key 'emial'", "email"),
    ("http-port = '80'", "'http-port' must be a port", ""),
    ("ca = 'nowhere'", "'ca': unknown certificate authority 'nowhere'", "letsencrypt"),
    ("agree-tos = true\nca = [\n", "line ", ""),
    ("challenge = 'dns'", "'challenge' must be one of", ""),
  ]

  @Test(arguments: configurations)
  func `a wrong configuration file is named, with the key or the line`(
    _ text: String, _ message: String, _ hint: String
  ) async throws {
    try await CommandLineBench.with { bench in
      let path = try bench.folder.write("certctl.toml", text)
      let error = try await bench.fails(["list", "--config", path], exit: 78, "configuration")
      #expect(error.message.contains(path))
      #expect(error.message.contains(message), "\(error.message)")
      #expect(error.hint.contains(hint))
      #expect(!bench.hasState)
    }
  }

  // MARK: - The state directory

  @Test func `a damaged lineage is named and left alone`() async throws {
    try await CommandLineBench.with { bench in
      let path = try bench.folder.write("state/lineages/example.com.json", "{")
      let error = try await bench.fails(["issue", "example.com"], exit: 1, "damagedState")
      #expect(error.message.contains(path))
      #expect(error.hint.contains("backup"))
      #expect(readText(path) == "{")
      let list = try await bench.run("list")
      #expect(list.exitCode == 0)
      #expect(list.standardOutput.contains("damaged"))
    }
  }

  @Test func `who asks for another certificate hears which there are`() async throws {
    try await CommandLineBench.with { bench in
      try bench.folder.write("state/lineages/b.example.json", "{")
      let error = try await bench.fails(["show", "a.example"], exit: 1, "notFound")
      #expect(error.hint.contains("b.example"))
    }
  }

  @Test(.requires("setpriv"))
  func `a state directory that is not ours hints at sudo and --state-dir`() async throws {
    try await CommandLineBench.with { bench in
      for words in [
        ["issue", "example.com", "--agree-tos"], ["account", "register", "--agree-tos"],
      ] {
        let result = try await bench.asNobody(words + ["--state-dir", "/certctl-state"])
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.standardError.contains("/certctl-state"))
        #expect(result.standardError.contains("sudo"))
        #expect(result.standardError.contains("--state-dir"))
      }
    }
  }
}
