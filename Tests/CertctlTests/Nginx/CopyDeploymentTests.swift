import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlServing
@testable import CertctlStore

/// The deployment of several certificate copies at once.
struct CopyDeploymentTests {
  /// Stores a certificate as a candidate, without its key if the user supplied the CSR.
  private func store(
    _ name: LineageName, hasKey: Bool, in state: StateDirectory
  ) throws -> NginxDeployment.Target {
    let ca = try TestCA(now: TestClock().now)
    let key = try PrivateKey.generate(.ec256)
    var certificate = try issued(ca, name.value, key: key)
    if !hasKey {
      certificate = IssuedCertificate(
        chain: certificate.chain,
        request: try CertificateRequest(key: key, dnsNames: [name.value]))
    }
    let generation = try CertificateStore(state: state)
      .commit(certificate, to: name, files: FileSettings())
    return NginxDeployment.Target(
      name: name, leaves: certificate.leaves, candidate: generation, hasOther: false)
  }

  @Test func `a failed copy does not stop the others`() async throws {
    try await withState { state, folder in
      let names = [LineageName(unchecked: "bad.test"), LineageName(unchecked: "good.test")]
      for name in names { try folder.makeFolder("copies/\(name)") }
      let targets = try names.map { try store($0, hasKey: $0.value == "good.test", in: state) }
      var environment = Environment.failing
      environment.clock = TestClock().wall
      let deployment = NginxDeployment(
        state: state, environment: environment,
        copies: [CertificateCopy(folder: folder.path("copies"))])
      let answers = try await deployment.deploy(targets)
      guard case .failed(let reason) = answers[names[0]] else {
        Issue.record("\(answers)")
        return
      }
      expectText(reason, mentions: "bad.test", "private key")
      #expect(answers[names[1]] == nil)
      #expect(folder.read("copies/good.test/combined.pem")?.contains("PRIVATE KEY") == true)
      #expect(folder.read("copies/bad.test/combined.pem") == nil)
      // On its own, the failure is the command's error.
      let error = await failure { try await deployment.deploy([targets[0]]) }
      #expect(error?.code == .refused)
    }
  }
}
