import ACME
import CertctlCore

extension ChallengeMethod {
  /// http-01 (RFC 8555, section 8.3): a response on port 80, from a listener or from a webroot.
  static let http01 = ChallengeMethod(
    type: .http01, nameKinds: [.domain, .address], settings: [.httpPort, .httpAddress, .webroot],
    fallback: .always,
    advice: Advice(
      byProblem: [
        .connection: "check that port 80 of every A and AAAA address of the name reaches this "
          + "machine through the firewall and router"
      ],
      otherwise: "fetch http://NAME\(KeyAuthorization.httpFolder)test from outside: another "
        + "server, a redirect or a proxy may respond instead"),
    solver: { settings in
      if settings.webroot != nil { return WebrootSolver.self }
      return StandaloneHTTPSolver.self
    })
}
