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
        detail: "the order is \(order.status) and has no certificate",
        retryAfter: order.retryAfter, isRetryable: order.status == .processing)
    }
    return try await certificateChain(at: url)
  }

  /// Downloads a certificate and its chain from the URL in an order or a chain.
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
        failure.detail = "not a certificate: " + ErrorAnswer.summary(of: response)
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

  /// Downloads the alternate chains for a certificate, with one request each.
  ///
  /// Skips chains with another leaf and chains that cannot be downloaded, because the certificate
  /// works without them.
  public func alternateChains(of chain: IssuedChain) async throws -> [IssuedChain] {
    var chains: [IssuedChain] = []
    for url in chain.alternateURLs {
      do {
        let other = try await certificateChain(at: url)
        if other.leaf == chain.leaf { chains.append(other) }
      } catch let error as ACMEError {
        client.logger.info("skipping an alternate chain: \(error)")
      }
    }
    return chains
  }

  /// The maximum number of alternate chains; real CAs have one or two.
  static let mostAlternates = 8

  /// Revokes a certificate on behalf of the account (RFC 8555 section 7.6).
  ///
  /// The account must have issued it, or hold authorizations for all its names. No error if it is
  /// already revoked.
  public func revoke(
    certificate: Certificate, reason: RevocationReason? = nil
  ) async throws {
    try await client.revoke(certificate, by: signer, reason: reason)
  }
}

extension ACMEClient {
  /// Revokes a certificate with its own private key, without an account.
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
          detail: "this CA does not support revocation over ACME")
      }
      do {
        _ = try await post(bytes, to: target, by: signer, task)
      } catch let error as ACMEError where error.problem?.type == .alreadyRevoked {
        logger.info("the certificate for \(task.subject ?? "") was already revoked")
      }
    }
  }

  /// Requests the CA's suggested renewal window (RFC 9773); one request, without an account.
  public func renewalInfo(for id: CertificateID) async throws -> RenewalInfo {
    let task = RequestContext("get the renewal window of", id.rawValue)
    return try await withDirectory { directory in
      guard let base = directory.renewalInfo else {
        throw ACMEError(
          .unsupported, task.operation, subject: task.subject,
          detail: "this CA does not offer renewal information (ARI)")
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
