import ACME
import CertctlCrypto
import CertctlSystem
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlOperations

/// Bad input is rejected before anything is written or sent to a CA.
struct BadRequestTests {
  struct Case: Sendable {
    let name: String
    let word: String
    let change: @Sendable (inout IssueRequest) -> Void
  }

  static let cases: [Case] = [
    Case(name: "wildcard by http-01", word: "*.example.com") {
      $0.names = [.dns("*.example.com")]
    },
    Case(name: "no name", word: "no name") { $0.names = [] },
    Case(name: "address by dns-01", word: "192.0.2.1") {
      $0.names = [.ip("192.0.2.1")]
      $0.overrides.webroot = nil
      $0.overrides.challenge = .dns01
    },
    Case(name: "no solver", word: "dns-01") {
      $0.overrides.webroot = nil
      $0.overrides.challenge = .dns01
    },
    Case(name: "unknown CA", word: "nowhere") { $0.overrides.authorities = ["nowhere"] },
    Case(name: "plain http", word: "http") { $0.overrides.authorities = ["http://ca.test/dir"] },
    Case(name: "missing bundle", word: "/no/such/file") { $0.overrides.caBundle = "/no/such/file" },
    Case(name: "bundle without certificate", word: "/etc/passwd") {
      $0.overrides.caBundle = "/etc/passwd"
    },
    Case(name: "missing webroot", word: "/no/such/folder") {
      $0.overrides.webroot = "/no/such/folder"
    },
    Case(name: "webroot that is a file", word: "/etc/passwd") {
      $0.overrides.webroot = "/etc/passwd"
    },
    Case(name: "listener's address", word: "localhost") {
      $0.overrides.webroot = nil
      $0.overrides.httpAddress = "localhost"
    },
    Case(name: "key mode", word: "0777") { $0.overrides.keyMode = "0777" },
    Case(name: "owner", word: "no-such-user") { $0.overrides.owner = "no-such-user" },
    Case(name: "group", word: "no-such-group") { $0.overrides.group = "no-such-group" },
    Case(name: "e-mail", word: "nobody") { $0.registration.emails = ["nobody"] },
    Case(name: "useless port", word: "--tls-port") { $0.overrides.tlsPort = 8443 },
  ]

  @Test(arguments: cases.indices)
  func `bad input writes nothing and sends no request`(_ index: Int) async throws {
    let bad = Self.cases[index]
    try await withTemporaryFolder(label: "bad") { folder in
      let bench = try ContextBench(folder)
      let error = await failure {
        try await bench.context.issue(bench.request("example.com", change: bad.change))
      }
      #expect(error?.exitCode == 64, "\(bad.name): \(String(describing: error))")
      let words = "\(error?.message ?? "") \(error?.hint ?? "")"
      #expect(words.contains(bad.word), "\(bad.name): \(words)")
      #expect(bench.ca.count() == 0, "\(bad.name)")
      #expect(!folder.contains("state"), "\(bad.name): \(bench.files)")
      #expect(!folder.contains("www/.well-known"), "\(bad.name)")
    }
  }

  @Test func `bad input leaves an existing lineage unchanged`() async throws {
    try await withTemporaryFolder(label: "bad") { folder in
      let bench = try ContextBench(folder)
      _ = try await bench.context.issue(bench.request("example.com"))
      let before = folder.read("state/lineages/example.com.json")
      for bad in Self.cases where bad.name != "no name" && bad.name != "wildcard by http-01" {
        let error = await failure {
          try await bench.context.issue(bench.request("example.com", change: bad.change))
        }
        #expect(error?.exitCode == 64, "\(bad.name)")
      }
      #expect(folder.read("state/lineages/example.com.json") == before)
      #expect(try await bench.context.show(exampleName).generation == 1)
    }
  }
}
