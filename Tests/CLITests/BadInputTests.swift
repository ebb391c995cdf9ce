import FoundationEssentials
import TestSupport
import Testing

/// What a person types wrong, with its exit code; `Fixtures/cli/errors.txt` has what certctl prints.
@Suite(.timeLimit(.minutes(10)))
struct BadInputTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let words: [String]
    let exit: Int32
    let code: String

    init(_ line: String, _ exit: Int32 = 64, _ code: String = "usage") {
      words = line.split(separator: " ").map { $0 == "''" ? "" : String($0) }
      (self.exit, self.code) = (exit, code)
    }

    var testDescription: String {
      let line = words.joined(separator: " ")
      return line.count > 60 ? line.prefix(60) + "…" : line
    }
  }

  private static let long63 = String(repeating: "a", count: 63)

  static let names: [Case] = [
    Case("issue"),
    Case("issue ''"),
    Case("issue exa_mple.com"),
    Case("issue example..com"),
    Case("issue -x.example.com --name x"),
    Case("issue example.com,www.example.com"),
    Case("issue admin@example.com"),
    Case("issue https://example.com/path"),
    Case("issue example.com:443"),
    Case("issue 10.0.0.0/8"),
    Case("issue 300.1.1.1"),
    Case("issue 2001:db8::zz"),
    Case("issue *.example.com"),
    Case("issue a.*.example.com"),
    Case("issue *.192.0.2.1"),
    Case("issue \(long63)a.com"),
    Case("issue "),
    Case("issue example.com example.com"),
    Case("issue example.com EXAMPLE.com"),
    Case("issue example.com example.com."),
    Case("issue bücher.example xn--bcher-kva.example"),
    Case("issue BÜCHER.example bücher.example"),
    Case("issue 192.0.2.1 --challenge dns-01"),
    Case("issue example.com --challenge dns-01"),
    Case("issue example.com --challenge dns-02"),
    Case("issue example.com --dns clouflare"),
    Case("issue example.com --dns rfc2136:x"),
    Case("issue example.com --dns rfc2136 --webroot /srv"),
    Case("issue example.com --dns rfc2136 --challenge http-01"),
    Case("issue *.example.com --dns rfc2136 --challenge http-01"),
    Case("issue example.com --dns-resolver dns.test --dns rfc2136"),
    Case("issue example.com --dns-port 0"),
    Case("issue example.com --dns-timeout 0"),
    Case("dns-providers nowhere"),
    Case("dns-persist *.example.com --agree-tos"),
    Case("dns-persist example.com --until yesterday"),
    Case("issue example.com --challenge http"),
    Case("issue example.com --name ../x"),
  ]

  static let options: [Case] = [
    Case("issue example.com --ca letsencrpyt"),
    Case("issue example.com --ca ''"),
    Case("issue example.com --ca http://ca.example/dir"),
    Case("issue example.com --ca https://"),
    Case("issue example.com --ca ftp://ca.example/dir"),
    Case("issue example.com --ca-bundle /no/such/file"),
    Case("issue example.com --ca-bundle /etc/passwd"),
    Case("issue example.com --key-type dsa"),
    Case("issue example.com --key-type ed25519"),
    Case("issue example.com --key-mode 0644"),
    Case("issue example.com --key-mode rw"),
    Case("issue example.com --group nosuchgroup"),
    Case("issue example.com --owner nosuchuser"),
    Case("issue example.com --webroot /no/such/folder"),
    Case("issue example.com --webroot ''"),
    Case("issue example.com --webroot /tmp --http-port 80"),
    Case("issue example.com --webroot /tmp --challenge tls-alpn-01"),
    Case("issue example.com --http-port 0"),
    Case("issue example.com --http-port web"),
    Case("issue example.com --tls-port 443"),
    Case("issue example.com --http-port 80 --challenge tls-alpn-01"),
    Case("issue example.com --http-address eth0"),
    Case("issue example.com --email nobody --agree-tos"),
    Case("issue example.com --eab-kid id"),
    Case("issue example.com --eab-hmac-key-file /etc/passwd"),
    Case("issue example.com --eab-kid id --eab-hmac-key-file /no/such/file"),
    Case("issue example.com --eab-kid id --eab-hmac-key-file /etc/passwd"),
    Case("issue example.com --hook ''"),
    Case("issue example.com --hook /bin/true --no-hook"),
    Case("issue example.com --hook /no/such/hook"),
    Case("issue example.com --hook /etc/passwd"),
    Case("issue --csr /no/such/file"),
    Case("issue --csr /etc/passwd"),
    Case("issue example.com --keep-generations 0"),
    Case("issue example.com --lock-timeout -1"),
    Case("issue example.com --lock-timeout soon"),
    Case("issue example.com --lock-timeout 100000"),
    Case("list --quiet --verbose"),
    Case("list --state-dir ''"),
    Case("list example.com"),
    Case("list --jsn"),
    Case("isue example.com"),
    Case("account"),
    Case("account shw"),
    Case("account update"),
    Case("revoke example.com --reason bad"),
    Case("show"),
    Case("show ../x"),
    Case("show example.com", 1, "notFound"),
    Case("rollback example.com --to x"),
    Case("delete example.com --yes", 1, "notFound"),
    Case("list --config /no/such.toml", 78, "configuration"),
    Case("list --config /etc", 78, "configuration"),
  ].filter { $0.words != ["account"] }

  @Test(arguments: names + options)
  func `bad input gets a clear answer and leaves no trace`(_ bad: Case) async throws {
    try await CommandLineBench.with { bench in
      let (message, hint) = try await bench.fails(bad.words, exit: bad.exit, bad.code)
      #expect(!message.contains("Usage:") && message.count <= 300, "\(message)")
      #expect(!message.hasSuffix(".") && !hint.hasSuffix("."), "\(message); \(hint)")
      #expect(!bench.hasState)
    }
  }

  @Test func `what certctl prints about bad input`() async throws {
    try await CommandLineBench.with { bench in
      var text = ""
      for bad in Self.names + Self.options {
        let result = try await bench.binary.run(bad.words)
        let words = bad.words.map { $0.isEmpty || $0.contains("*") ? "'\($0)'" : $0 }
        let printed = result.standardError
          .replacing(bench.folder.path("state"), with: "/var/lib/certctl")
        text += "$ certctl \(words.joined(separator: " "))\n\(printed)\n"
      }
      try expectSnapshot(text, "cli/errors.txt")
    }
  }

  @Test func `without a command certctl prints its help`() async throws {
    try await CommandLineBench.with { bench in
      let none = try await bench.binary.run([])
      #expect(none.exitCode == 64)
      #expect(none.standardOutput == "")
      #expect(none.standardError.contains("Examples"))
      let group = try await bench.binary.run(["account"])
      #expect(group.exitCode == 0)
      #expect(group.standardOutput.contains("Examples"))
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
  func `a state directory that is not ours hints at root and --state-dir`() async throws {
    try await CommandLineBench.with { bench in
      for words in [
        ["issue", "example.com", "--agree-tos"], ["account", "register", "--agree-tos"],
      ] {
        let result = try await bench.asNobody(words + ["--state-dir", "/certctl-state"])
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.standardError.contains("/certctl-state"))
        #expect(result.standardError.contains("as root, or use --state-dir"))
      }
    }
  }
}
