internal import CertctlBase
public import CertctlCrypto
internal import Logging

extension Account {
  /// Downloads the certificate of a valid order (RFC 8555 section 7.4.2).
  public func certificateChain(of order: Order) async throws -> IssuedChain {
    guard let url = order.certificate else {
      throw ACMEError(
        order.status == .processing ? .orderPending : .unexpectedAnswer,
        "download the certificate for", subject: order.names,
        detail: "the order is \(order.status) and names no certificate",
        retryAfter: order.retryAfter, isRetryable: order.status == .processing)
    }
    return try await certificateChain(at: url)
  }

  /// Downloads a certificate and its chain from a URL that an order or a chain named.
  public func certificateChain(at url: String) async throws -> IssuedChain {
    let task = RequestContext(
      "download the certificate", url, accept: "application/pem-certificate-chain")
    let response = try await client.read(url, by: signer, task)
    let certificates: [Certificate]
    do throws(CryptoError) {
      certificates = try Certificate.chain(pem: response.body)
    } catch {
      var failure = ACMEError(
        .chain, task.operation, subject: url, status: response.status, underlying: error)
      if response.header("Content-Type")?.lowercased().hasPrefix("application/pem") != true {
        failure.detail = "this is no certificate: " + ErrorAnswer.summary(of: response)
      }
      throw failure
    }
    let base = response.url.isEmpty ? url : response.url
    var alternates: [String] = []
    for target in LinkHeader.targets(relation: "alternate", in: response.headers("Link")) {
      guard let resolved = URLPolicy.resolve(target, against: base), resolved != url,
        !alternates.contains(resolved), alternates.count < Self.mostAlternates
      else { continue }
      alternates.append(resolved)
    }
    return IssuedChain(url: url, certificates: certificates, alternateURLs: alternates)
  }

  /// Downloads the other chains for a certificate, one request each.
  ///
  /// Those with another leaf are left out, and so are those that cannot be had: the certificate in
  /// hand is good without them.
  public func alternateChains(of chain: IssuedChain) async throws -> [IssuedChain] {
    var chains: [IssuedChain] = []
    for url in chain.alternateURLs {
      do {
        let other = try await certificateChain(at: url)
        if other.leaf == chain.leaf { chains.append(other) }
      } catch let error as ACMEError {
        client.logger.info("an alternate chain is left out: \(error)")
      }
    }
    return chains
  }

  /// The most alternates that are looked at; real CAs have one or two.
  static let mostAlternates = 8

  /// Revokes a certificate in the account's name (RFC 8555 section 7.6).
  ///
  /// One that is revoked already is fine. The account must have issued it, or hold authorizations for all its names.
  public func revoke(
    certificate: Certificate, reason: RevocationReason? = nil
  ) async throws {
    try await client.revoke(certificate, by: signer, reason: reason)
  }
}

extension ACMEClient {
  /// Revokes a certificate by its own private key; no account is needed.
  public func revoke(
    certificate: Certificate, certificateKey: PrivateKey, reason: RevocationReason? = nil
  ) async throws {
    try await revoke(certificate, by: Signer(key: certificateKey), reason: reason)
  }

  func revoke(
    _ certificate: Certificate, by signer: Signer, reason: RevocationReason?
  ) async throws {
    let names = certificate.dnsNames + certificate.ipAddresses
    let task = RequestContext("revoke the certificate for", names.prefix(5).joined(separator: ", "))
    var payload = #"{"certificate":"\#(Base64URL.encode(certificate.der))""#
    if let reason { payload += #","reason":\#(reason.rawValue)"# }
    let bytes = [UInt8]((payload + "}").utf8)
    try await withDirectory { directory in
      guard let target = directory.revokeCert else {
        throw ACMEError(
          .unsupported, task.operation, subject: task.subject,
          detail: "this CA does not offer revocation by ACME")
      }
      do {
        _ = try await post(bytes, to: target, by: signer, task)
      } catch let error as ACMEError where error.problem?.type == .alreadyRevoked {
        logger.info("the certificate for \(task.subject ?? "") was revoked before")
      }
    }
  }

  /// When the CA suggests to renew a certificate (RFC 9773); one request, no account needed.
  public func renewalInfo(for id: CertificateID) async throws -> RenewalInfo {
    let task = RequestContext("ask when to renew", id.rawValue)
    return try await withDirectory { directory in
      guard let base = directory.renewalInfo else {
        throw ACMEError(
          .unsupported, task.operation, subject: task.subject,
          detail: "this CA does not say when to renew")
      }
      let url = (base.hasSuffix("/") ? base : base + "/") + id.rawValue
      let rule = try await knownDirectory().rule
      var budget = RetryBudget(policy)
      let response = try await perform(task, rule: rule, budget: &budget) { _ in
        HTTPRequest(
          .get, url, headers: [HTTPField(name: "Accept", value: "application/json")],
          followsRedirects: true)
      }
      let window = try decode(RenewalDocument.self, from: response, task)
      return RenewalInfo(
        start: window.start, end: window.end, explanationURL: window.explanationURL,
        retryAfter: RenewalInfo.nextLook(response.header("Retry-After"), now: clock.now()))
    }
  }
}
