import ACME
import CertctlBase
package import CertctlCore
import CertctlCrypto
package import CertctlDNS
package import CertctlStore
import CertctlSystem
import Synchronization

/// The solver of tls-alpn-01 (RFC 8737) with a built-in listener, if only port 443 is open.
package final class TLSALPNSolver: ChallengeSolver {
  /// The listener stops with the process.
  package static let persistsAfterExit = false

  private let certificates: ChallengeCertificates
  private let listener: SharedListener<ByteServer>

  /// Creates a solver for the address and port of these settings.
  package init(settings: ChallengeSettings, context: SolverContext) {
    let port = settings.tlsPort ?? 443
    let endpoints = settings.endpoints(port: port)
    let certificates = ChallengeCertificates()
    self.certificates = certificates
    listener = SharedListener(port: port) {
      try await ByteServer.start(endpoints: endpoints) {
        HandshakeSession(configuration: certificates.configuration)
      }
    } stop: { server in
      await server.stop()
    }
  }

  /// Starts listening, so that a port in use is detected early.
  package func prepare() async throws {
    do {
      try await listener.join()
    } catch let error as HostError {
      throw CertctlError(
        cannotListen: error,
        hint: "use that server with --challenge http-01 --webroot DIR, or another port with "
          + "--tls-port PORT")
    }
  }

  /// Creates a certificate for each challenge and makes the listener serve it.
  package func present(_ challenges: [PresentedChallenge]) async throws {
    let key = try await PrivateKey.generating(.ec256)
    let made =
      try challenges.compactMap { challenge in
        guard let proof = challenge.keyAuthorization else { return nil }
        let certificate = try ChallengeCertificate.make(
          for: challenge.identifier.value, digest: proof.alpnDigest, key: key)
        return (challenge, try TLSEngine.Identity(chain: [certificate], key: key))
      } as [(PresentedChallenge, TLSEngine.Identity)]
    certificates.add(made)
  }

  /// Stops serving these certificates, and stops listening when no order is left.
  package func cleanUp(_ challenges: [PresentedChallenge]) async throws {
    certificates.remove(challenges)
    await listener.leave()
  }
}

/// The certificates that the listener serves, by name.
private final class ChallengeCertificates: Sendable {
  private let shown = Mutex<[(PresentedChallenge, TLSEngine.Identity)]>([])

  func add(_ more: [(PresentedChallenge, TLSEngine.Identity)]) {
    shown.withLock { $0 += more }
  }

  func remove(_ done: [PresentedChallenge]) {
    shown.withLock { shown in
      for challenge in done {
        if let index = shown.firstIndex(where: { $0.0 == challenge }) { shown.remove(at: index) }
      }
    }
  }

  /// The TLS configuration; nil if there are no certificates to serve.
  var configuration: TLSEngine.ServerConfiguration? {
    let identities = shown.withLock { shown in
      shown.map { (ChallengeCertificate.serverName(for: $0.0.identifier.value), $0.1) }
    }
    guard !identities.isEmpty else { return nil }
    // If two orders contain the same name, the newer one is being validated.
    return TLSEngine.ServerConfiguration(
      identities: Dictionary(identities) { $1 }, alpn: [ChallengeCertificate.alpn])
  }
}

/// A connection from the CA, which is closed after the handshake.
private final class HandshakeSession: ByteSession {
  private let engine: TLSEngine?

  init(configuration: TLSEngine.ServerConfiguration?) {
    engine = configuration.flatMap { try? TLSEngine(server: $0) }
  }

  func receive(_ bytes: [UInt8]) -> ByteSessionReply {
    guard let engine else { return ByteSessionReply(send: [], close: true) }
    do {
      try engine.receive(bytes)
      let isDone = try engine.handshake()
      // RFC 8737, section 3: no data is exchanged after the handshake.
      if isDone { engine.shutdown() }
      return ByteSessionReply(send: engine.takeOutput(), close: isDone)
    } catch {
      // The output contains the alert with the reason.
      return ByteSessionReply(send: engine.takeOutput(), close: true)
    }
  }
}

extension ChallengeMethod {
  /// tls-alpn-01 (RFC 8737): a certificate on port 443.
  static let tlsALPN01 = ChallengeMethod(
    type: .tlsALPN01, nameKinds: [.domain, .address], settings: [.httpAddress, .tlsPort],
    fallback: .whenSet(.tlsPort),
    advice: Advice(
      otherwise: "check that port 443 of every address of the name reaches this machine without a "
        + "TLS proxy in between"),
    solver: { _ in TLSALPNSolver.self })
}
