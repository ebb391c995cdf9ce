import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlDNS
@testable import CertctlIssuing
@testable import CertctlStore

/// The built-in solvers: the solver contract, and the behaviour specific to each.
struct SolverTests {
  private let context = SolverContext(environment: .failing)

  private static let prefix = "/.well-known/acme-challenge/"

  @Test func `the webroot solver fulfils the contract`() async throws {
    try await withTemporaryFolder(label: "webroot") { folder in
      let settings = ChallengeSettings(type: .http01, webroot: folder.path)
      try await SolverConformance(WebrootSolver.self, settings) { challenge in
        challenge.keyAuthorization.map { folder.read(Self.prefix + $0.token) == $0.string } == true
      }.run()
      #expect(!folder.contains(".well-known") || folder.contains(".well-known/acme-challenge"))
    }
  }

  @Test func `the stand-alone http-01 solver fulfils the contract`() async throws {
    let port = try FreePort.pick()
    let settings = ChallengeSettings(type: .http01, httpPort: port, httpAddress: "127.0.0.1")
    try await SolverConformance(StandaloneHTTPSolver.self, settings) { challenge in
      guard let proof = challenge.keyAuthorization else { return false }
      let url = "http://127.0.0.1:\(port)\(Self.prefix)\(proof.token)"
      return (try? await fetch(url)) == proof.string
    }.run()
  }

  @Test func `the tls-alpn-01 solver fulfils the contract`() async throws {
    let port = try FreePort.pick()
    let settings = ChallengeSettings(type: .tlsALPN01, httpAddress: "127.0.0.1", tlsPort: port)
    let names: [Identifier] = [.dns("a.example.com"), .dns("b.example.com"), .ip("192.0.2.7")]
    try await SolverConformance(TLSALPNSolver.self, settings, names: names) { challenge in
      let probe = try await TLSProbe.connect(
        port: port, serverName: ChallengeCertificate.serverName(for: challenge.identifier.value),
        protocols: ["acme-tls/1"])
      guard let pem = probe.chain.first else { return false }
      let shown = try Certificate(pem: Array(pem.utf8))
      let text = challenge.keyAuthorization?.string ?? ""
      let digest = Digest.sha256(Array(text.utf8))
      return (shown.dnsNames + shown.ipAddresses) == [challenge.identifier.value]
        && shown.der.contains(digest) && probe.report.contains("ALPN protocol: acme-tls/1")
    }.run()
  }

  @Test func `existing webroot folders are kept, created ones are removed`() async throws {
    try await withTemporaryFolder(label: "webroot") { folder in
      try folder.write(".well-known/security.txt", "contact")
      let solver = WebrootSolver(
        settings: ChallengeSettings(type: .http01, webroot: folder.path), context: context)
      let challenge = PresentedChallenge(
        identifier: .dns("a.test"), keyAuthorization: KeyAuthorization("token.key"))
      try await solver.prepare()
      try await solver.present([challenge])
      try await solver.cleanUp([challenge])
      #expect(!folder.contains(".well-known/acme-challenge"))
      #expect(folder.read(".well-known/security.txt") == "contact")
    }
  }

  @Test func `others' challenge files are not touched`() async throws {
    try await withTemporaryFolder(label: "webroot") { folder in
      try folder.write(".well-known/acme-challenge/token", "not ours")
      let solver = WebrootSolver(
        settings: ChallengeSettings(type: .http01, webroot: folder.path), context: context)
      let challenge = PresentedChallenge(
        identifier: .dns("a.test"), keyAuthorization: KeyAuthorization("token.key"))
      try await solver.prepare()
      #expect(await failure { try await solver.present([challenge]) } != nil)
      try await solver.cleanUp([challenge])
      #expect(folder.read(".well-known/acme-challenge/token") == "not ours")
    }
  }

  @Test func `a challenge folder that is a link is refused`() async throws {
    try await withTemporaryFolder(label: "webroot") { folder in
      let target = try folder.makeFolder("target")
      try folder.makeFolder("www/.well-known")
      symlink(target, folder.path("www/.well-known/acme-challenge"))
      let solver = WebrootSolver(
        settings: ChallengeSettings(type: .http01, webroot: folder.path("www")), context: context)
      #expect(await failure { try await solver.prepare() } != nil)
    }
  }

  @Test func `an invalid token from a damaged journal removes no file`() async throws {
    try await withTemporaryFolder(label: "webroot") { folder in
      try folder.write("secret", "x.y")
      try folder.makeFolder("www/.well-known/acme-challenge")
      let solver = WebrootSolver(
        settings: ChallengeSettings(type: .http01, webroot: folder.path("www")), context: context)
      for token in ["../../../secret", "", ".", "a/b", String(repeating: "a", count: 100_000)] {
        let entry = #"{"identifier":{"type":"dns","value":"a.test"},"token":"\#(token)","#
        for text in ["\(token).y", "x.y"] {
          let challenge = try JSONDecoder().decode(
            PresentedChallenge.self, from: Data((entry + #""keyAuthorization":"\#(text)"}"#).utf8))
          #expect(challenge.keyAuthorization == nil)
          try await solver.cleanUp([challenge])
        }
      }
      #expect(folder.read("secret") == "x.y")
    }
  }

  @Test func `the listener serves only its tokens`() async throws {
    let port = try FreePort.pick()
    let solver = StandaloneHTTPSolver(
      settings: ChallengeSettings(type: .http01, httpPort: port, httpAddress: "127.0.0.1"),
      context: context)
    try await solver.prepare()
    let challenge = PresentedChallenge(
      identifier: .dns("a.test"), keyAuthorization: KeyAuthorization("token.key"))
    try await solver.present([challenge])
    for path in ["/", Self.prefix, Self.prefix + "other", Self.prefix + "token/x", "/token"] {
      let answer = try await Program(
        "curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:\(port)\(path)"]
      ).run()
      #expect(answer.standardOutput == "404", "\(path)")
    }
    try await solver.cleanUp([challenge])
  }

  @Test func `the error for a port in use names the process and suggests --webroot`() async throws {
    let port = try FreePort.pick()
    let settings = ChallengeSettings(type: .http01, httpPort: port, httpAddress: "127.0.0.1")
    let first = StandaloneHTTPSolver(settings: settings, context: context)
    try await first.prepare()
    let error = await failure {
      try await StandaloneHTTPSolver(settings: settings, context: context).prepare()
    }
    #expect(error?.exitCode == 1)
    expectError(error, mentions: "\(port)", "\(getpid())", hint: "--webroot")
    try await first.cleanUp([])
  }

  @Test func `the error for a TLS port in use suggests --tls-port`() async throws {
    let port = try FreePort.pick()
    let settings = ChallengeSettings(type: .tlsALPN01, httpAddress: "127.0.0.1", tlsPort: port)
    let first = TLSALPNSolver(settings: settings, context: context)
    try await first.prepare()
    let error = await failure {
      try await TLSALPNSolver(settings: settings, context: context).prepare()
    }
    expectError(error, mentions: "\(getpid())", hint: "--tls-port")
    #expect(error?.hint?.contains("--http-port") == false)
    try await first.cleanUp([])
  }

  @Test func `the challenge settings select the solver`() throws {
    let of = { (settings: ChallengeSettings) in
      try type(of: Catalog.solver(for: settings, in: context))
    }
    #expect(try of(.init(type: .http01)) == StandaloneHTTPSolver.self)
    #expect(try of(.init(type: .http01, webroot: "/srv")) == WebrootSolver.self)
    #expect(try of(.init(type: .tlsALPN01)) == TLSALPNSolver.self)
    #expect(try of(.init(type: .dns01)) == DNSSolver.self)
    #expect(try of(.init(type: .dnsAccount01)) == DNSSolver.self)
    #expect(try of(.init(type: .dnsPersist01)) == DNSPersistSolver.self)
    let error = #expect(throws: CertctlError.self) {
      try of(.init(type: ChallengeType(rawValue: "onion-csr-01")))
    }
    #expect(error?.exitCode == 64)
    expectError(error, hint: "http-01")
  }
}
