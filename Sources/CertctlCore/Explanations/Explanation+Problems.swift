extension Explanation {
  private static func problem(_ code: String, cause: String, cure: String) -> Explanation {
    Explanation(
      .problem, code, cause: cause,
      effect: "The CA refused the request; no certificate was issued by it.", cure: cure)
  }

  /// The error types that CAs send (RFC 8555 section 6.7, RFC 9773, draft-ietf-acme-profiles).
  static let problems: [Explanation] = [
    problem(
      "accountDoesNotExist", cause: "The CA does not know the account key.",
      cure: "Register again with certctl account register and the same --ca."),
    problem(
      "alreadyReplaced",
      cause: "Another order has already replaced the certificate that this renewal names.",
      cure: "Nothing to do: certctl places the order again without naming the old certificate."),
    problem(
      "alreadyRevoked", cause: "The certificate was revoked before.", cure: "Nothing to do."),
    problem(
      "badCSR",
      cause: "The CA does not accept the CSR: key type, names or "
        + "extensions.",
      cure: "Use another --key-type, or correct the CSR given with --csr."),
    problem(
      "badNonce", cause: "The CA did not accept the request's nonce many times in a row.",
      cure: "Run the command again; if it persists, report it to the CA."),
    problem(
      "badPublicKey", cause: "The CA does not accept this public key.",
      cure: "Use --key-type ec256 or rsa2048, and never the account's key for a certificate."),
    problem(
      "badRevocationReason", cause: "The CA does not allow this reason for a revocation.",
      cure: "Use another --reason, or none."),
    problem(
      "badSignatureAlgorithm", cause: "The CA does not accept the account key's algorithm.",
      cure: "Register a new account; certctl uses ec256 unless told otherwise."),
    problem(
      "caa", cause: "A CAA record of the name, or of a parent domain, does not allow this CA.",
      cure: "Add a CAA record for the CA, such as 0 issue \"letsencrypt.org\", or use another CA."),
    problem(
      "compound", cause: "Several names have different problems.",
      cure: "Read each name's problem in the message."),
    problem(
      "conflict",
      cause: "The request conflicts with the state of the account or the order, such "
        + "as a new account key that another account uses.",
      cure: "Run the command again. If the new account key belongs to another account, use "
        + "another key."),
    problem(
      "connection", cause: "The CA could not connect to the host.",
      cure: "Check that A and AAAA records point to this host, and that the port is open in every "
        + "firewall, from all countries: CAs validate from several places."),
    problem(
      "dns", cause: "The CA could not resolve the name.",
      cure: "Check that the name exists in public DNS, that all its name servers answer alike, and "
        + "that DNSSEC is valid."),
    problem(
      "externalAccountRequired", cause: "The CA only serves accounts created on its website.",
      cure: "Get a key identifier and an HMAC key there and use --eab-kid and "
        + "--eab-hmac-key-file."),
    problem(
      "incorrectResponse", cause: "The CA found a challenge response other than the expected one.",
      cure: "Check for another server, an old TXT record or a cache that answers for the name."),
    problem(
      "invalidContact", cause: "The contact address is not valid.", cure: "Correct --email."),
    problem(
      "invalidProfile", cause: "The CA does not offer the certificate profile.",
      cure: "Use one of the profiles that the message lists, or leave out --profile."),
    problem(
      "malformed", cause: "The CA could not process the request.",
      cure: "Run the command again with --verbose and report the output."),
    problem(
      "notFound", cause: "The CA no longer has the order, certificate or account.",
      cure: "Run the command again: it places a new order."),
    problem(
      "orderNotReady", cause: "Not all names of the order have been validated yet.",
      cure: "Run the command again: it resumes the order."),
    problem(
      "rateLimited",
      cause: "The account, the names or this host's address reached the CA's rate "
        + "limit.",
      cure: "Wait until retryAfter; more attempts lengthen the wait. Test with --dry-run or "
        + "--ca letsencrypt-staging."),
    problem(
      "rejectedIdentifier", cause: "The CA does not issue for this name.",
      cure: "Leave the name out, or use another CA."),
    problem(
      "serverInternal", cause: "The CA has an internal error.",
      cure: "Run the command again later, or add a fallback CA with a second --ca."),
    problem(
      "tls", cause: "The CA could not complete a TLS handshake with the host.",
      cure: "Check that the name points to this host and that nothing else answers on port 443."),
    problem(
      "unauthorized",
      cause: "The CA did not find the expected challenge response, or the account is not allowed "
        + "to do this.",
      cure: "Check that the name points to this host and that no other server, proxy or old record "
        + "answers for it."),
    problem(
      "unsupportedContact", cause: "The CA does not support this kind of contact.",
      cure: "Use an e-mail address, or none."),
    problem(
      "unsupportedIdentifier", cause: "The CA does not issue for this kind of name.",
      cure: "IP addresses often need --profile shortlived; else use another CA."),
    problem(
      "userActionRequired",
      cause: "The CA requires an action on its website, such as agreement "
        + "to new terms of service.",
      cure: "Visit the URL in the message."),
  ]
}
