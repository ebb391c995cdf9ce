import COpenSSL

/// Performs handshakes in memory between common clients and a server with an nginx server's
/// directives.
///
/// `nginx -t` accepts ciphers that do not fit the key, and DHE without parameters; then every
/// handshake fails. Only TLS 1.2 and 1.3 are tested, because common clients support nothing older.
/// Each identity is tested alone, as for a client that supports only its kind of key. Names, dates
/// and trust are not checked.
///
/// - Parameters:
///   - identities: The server's certificates; with two, one for each kind of key.
///   - policy: The server's directives.
///   - serverName: The name that the clients request.
/// - Returns: Partial failures, as errors that are not thrown: a TLS version that is offered but
///   works with no identity, an identity that works with no version, a version that only clients
///   with unusual abilities can use. Empty if everything works.
/// - Throws: `CryptoError` when no client could connect. It names the ciphers or groups, the kind
///   of key and the version, and has a hint where the cause is known.
@discardableResult
package func testHandshake(
  _ identities: [TLSEngine.Identity], _ policy: TLSPolicy, serverName: String
) throws(CryptoError) -> [CryptoError] {
  let versions = policy.versions.filter { $0 >= .tls12 }.sorted()
  guard !versions.isEmpty, !identities.isEmpty else {
    let offered = policy.versions.sorted().map(\.name).joined(separator: ", ")
    throw CryptoError(
      .mismatch, operation: "complete a TLS handshake with any client",
      reasons: [
        identities.isEmpty
          ? "there is no certificate"
          : "the server offers \(offered.isEmpty ? "no version of TLS" : "only \(offered)")"
      ],
      hint: identities.isEmpty ? nil : "set ssl_protocols TLSv1.2 TLSv1.3")
  }
  var trials: [HandshakeTest.Trial] = []
  for (index, identity) in identities.enumerated() {
    for version in versions {
      for client in HandshakeTest.Client.allCases {
        let test = HandshakeTest(
          policy: policy, identity: identity, version: version, client: client)
        let failure = try test.failure(serverName: serverName)
        trials.append(
          HandshakeTest.Trial(identity: index, test: test, failure: failure))
      }
    }
  }
  return try HandshakeTest.judge(trials)
}

/// One handshake: a key, a version and a client.
struct HandshakeTest {
  /// The kind of client.
  enum Client: CaseIterable {
    /// A browser: no DHE, no Ed25519, and only the two groups that all browsers support.
    case browser
    /// OpenSSL's defaults, which include DHE and more groups.
    case library
  }

  /// A test and its result.
  struct Trial {
    var identity: Int
    var test: HandshakeTest
    var failure: CryptoError?
  }

  var policy: TLSPolicy
  var identity: TLSEngine.Identity
  var version: TLSVersion
  var client: Client

  /// Performs the handshake and returns its failure; throws errors that do not depend on the
  /// client.
  func failure(serverName: String) throws(CryptoError) -> CryptoError? {
    let context = try TLSContext.server(policy, identity)
    let suites = unsafe TLSSuite.all(in: context.pointer)
    let server = try TLSEngine(server: context)
    let client = try TLSEngine(client: configuration(serverName: serverName))
    do throws(CryptoError) {
      try TLSEngine.shakeHands(client: client, server: server)
      return nil
    } catch {
      return explain(error, suites)
    }
  }

  private func configuration(serverName: String) -> TLSEngine.ClientConfiguration {
    var configuration = TLSEngine.ClientConfiguration(
      serverName: serverName, minimumVersion: version, maximumVersion: version)
    guard client == .browser else { return configuration }
    configuration.ciphers =
      "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:"
      + "AES256-GCM-SHA384:AES128-SHA:AES256-SHA"
    configuration.groups = "X25519:P-256"
    // In TLS 1.2 this list also restricts the curves of certificates.
    if case .p384 = identity.key.family { configuration.groups = "X25519:P-256:P-384" }
    configuration.signatureAlgorithms =
      "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA384:RSA+SHA384:"
      + "RSA-PSS+SHA512:RSA+SHA512"
    return configuration
  }

  /// Separates failures for all clients, which it throws, from failures for some clients.
  static func judge(_ trials: [Trial]) throws(CryptoError) -> [CryptoError] {
    guard trials.contains(where: { $0.failure == nil }) else {
      // The library's reason is more fundamental: the browser's may be specific to browsers.
      let last = trials.last { $0.test.client == .library && $0.test.version == .tls12 }
      guard let failure = (last ?? trials.last)?.failure else { return [] }
      throw failure
    }
    var findings: [CryptoError] = []
    for version in Set(trials.map(\.test.version)).sorted() {
      let these = trials.filter { $0.test.version == version }
      if let failure = shortfall(of: these) { findings.append(failure) }
    }
    for identity in Set(trials.map(\.identity)).sorted() {
      let these = trials.filter { $0.identity == identity }
      guard !these.contains(where: { $0.failure == nil }), let failure = shortfall(of: these)
      else { continue }
      findings.append(failure)
    }
    return findings
  }

  /// The reason why these trials fail for all clients, or for all browsers; nil if there is none.
  private static func shortfall(of trials: [Trial]) -> CryptoError? {
    for client in Client.allCases.reversed() {
      let these = trials.filter { $0.test.client == client }
      if these.contains(where: { $0.failure == nil }) { continue }
      return these.lazy.compactMap(\.failure).first
    }
    return nil
  }
}

/// A cipher suite of a server's list, for TLS 1.2 and older.
struct TLSSuite {
  var authentication: Int32
  var exchange: Int32

  static func all(in context: OpaquePointer) -> [TLSSuite] {
    (0..<(unsafe certctl_ciphers_count(context))).compactMap { index in
      let cipher = unsafe certctl_ciphers_at(context, index)
      let suite = unsafe TLSSuite(
        authentication: SSL_CIPHER_get_auth_nid(cipher), exchange: SSL_CIPHER_get_kx_nid(cipher))
      // TLS 1.3 suites specify neither.
      return suite.authentication == NID_auth_any ? nil : suite
    }
  }
}
