import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlStore

/// An issuer with a fake CA, a registered account and a recording solver.
struct IssuerBench {
  let clock: TestClock
  let ca: FakeCA
  let state: StateDirectory
  let solver: RecordingSolver
  let account: Account
  let warnings: Recorder<String>

  init(
    _ state: StateDirectory, _ change: (inout FakeCA.Settings) -> Void = { _ in }
  ) async throws {
    let clock = TestClock()
    ca = try FakeCA(clock: clock)
    ca.configure(change)
    self.clock = clock
    self.state = state
    solver = RecordingSolver()
    warnings = Recorder()
    let client = ACMEClient(directoryURL: ca.directoryURL, http: ca, clock: clock.wall)
    account = try await client.register(
      key: PrivateKey.generate(.ec256), NewAccount(termsOfServiceAgreed: true))
    let solver = solver
    // The CA validates against the solver, as a real one does against a web server.
    ca.configure { settings in
      settings.validate = { attempt in
        let found = solver.visible[attempt.token]
        return found == attempt.keyAuthorization
          ? nil : Problem(type: .unauthorized, detail: "found \(found ?? "nothing")", status: 403)
      }
    }
    ca.resetLog()
  }

  func issuer(_ settings: LineageSettings, currentKey: PrivateKey? = nil) -> Issuer {
    var environment = Environment.of(ca, clock)
    environment.console.warn = { [warnings] in warnings.add($0) }
    return Issuer(
      name: exampleName, settings: settings, directory: ca.directoryURL,
      authority: CertificateAuthority(name: "test", title: "Test", directory: ca.directoryURL),
      account: account, accountID: "local", solvers: ChallengeSolvers(only: solver, for: .http01),
      state: state,
      environment: environment,
      currentKey: currentKey)
  }

  var pending: PendingStore { PendingStore(state: state) }
  var journal: ChallengeJournal { ChallengeJournal(state: state) }

  /// Makes the CA report every valid order as "processing" until `finishOrders`.
  func holdOrders() {
    ca.configure {
      $0.bend = { kind, body in
        guard kind == .order || kind == .finalize, body["status"].string == "valid" else { return }
        body["status"] = "processing"
        body["certificate"] = nil
      }
    }
  }

  /// Makes the CA report the real status again.
  func finishOrders() { ca.configure { $0.bend = nil } }

  /// Runs an issuer until the CA has the CSR but issues nothing, and returns the key.
  func leaveOrderProcessing(_ settings: LineageSettings) async throws -> PrivateKey {
    holdOrders()
    _ = await failure { try await issuer(settings).obtain() }
    finishOrders()
    ca.resetLog()
    guard let key = try await pending.request(of: exampleName)?.key else {
      throw HarnessError("the order was not kept")
    }
    return key
  }

  /// Makes the next certificate download return this chain.
  func serve(_ chain: [Certificate]) {
    ca.inject(
      .answer(
        status: 200, type: "application/pem-certificate-chain",
        body: Array(chain.map(\.pem).joined())),
      on: .certificate)
  }
}

/// A thread-safe list of recorded values.
final class Recorder<Element: Sendable>: Sendable {
  private let storage = Mutex<[Element]>([])

  var all: [Element] { storage.withLock { $0 } }

  func add(_ element: Element) { storage.withLock { $0.append(element) } }
}
