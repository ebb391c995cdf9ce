public import ACME
import HostIO
import PKI
import Synchronization

/// tls-alpn-01 (RFC 8737) by a listener of our own, for hosts where only port 443 is open.
public final class TLSALPNSolver: ChallengeSolver {
  /// tls-alpn-01.
  public static let type = ChallengeType.tlsALPN01
  /// The listener dies with the process.
  public static let outlivesProcess = false

  private let endpoints: [Endpoint]
  private let configuration = Mutex<TLSEngine.ServerConfiguration?>(nil)
  private let server = Mutex<ByteServer?>(nil)

  /// tls-alpn-01 in any setting.
  public static func serves(_ settings: ChallengeSettings) -> Bool { settings.type == type }

  /// A solver for the address and port of these settings.
  public init(settings: ChallengeSettings) {
    endpoints = settings.endpoints(port: settings.tlsPort ?? 443)
  }

  /// Starts listening, so that a port that is in use is found at once.
  public func prepare() async throws {
    do {
      let started = try await ByteServer.start(endpoints: endpoints) { [weak self] in
        HandshakeSession(configuration: self?.configuration.withLock { $0 })
      }
      server.withLock { $0 = started }
    } catch let error as HostError {
      throw CertctlError(
        cannotListen: error,
        hint: "let that server answer by --challenge http-01 --webroot DIR, or choose another port "
          + "by --tls-port")
    }
  }

  /// Makes a certificate for each challenge and lets the listener show it.
  public func present(_ challenges: [PresentedChallenge]) async throws {
    let made = try await Blocking.run {
      let key = try PrivateKey.generate(.ec256)
      var identities: [String: TLSEngine.Identity] = [:]
      for challenge in challenges {
        let digest = Digest.sha256(Array(challenge.keyAuthorization.utf8))
        let certificate = try ChallengeCertificate.make(
          for: challenge.identifier.value, digest: digest, key: key)
        let name = ChallengeCertificate.serverName(for: challenge.identifier.value)
        identities[name] = try .init(chain: [certificate], key: key)
      }
      return TLSEngine.ServerConfiguration(
        identities: identities, alpn: [ChallengeCertificate.alpn])
    }
    configuration.withLock { $0 = made }
  }

  /// Stops listening.
  public func retract(_ challenges: [PresentedChallenge]) async throws {
    configuration.withLock { $0 = nil }
    let running = server.withLock { server in
      defer { server = nil }
      return server
    }
    await running?.stop()
  }
}

/// One connection of the CA: a handshake, and then the end.
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
      // The alert that says why stands in the output.
      return ByteSessionReply(send: engine.takeOutput(), close: true)
    }
  }
}
