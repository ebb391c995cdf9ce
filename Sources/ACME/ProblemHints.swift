extension ProblemType {
  /// What a person can do about a problem of this type; `nil` when the CA's words must do.
  var hint: String? { Self.hints[self] }

  private static let hints: [ProblemType: String] = [
    .dns:
      "The CA could not look the name up: check that it has A, AAAA or TXT records in public DNS, "
      + "that all its name servers answer the same, and that DNSSEC is right.",
    .connection:
      "The CA could not connect: check that the name points to this host, that the port is open in "
      + "every firewall (from all countries: CAs look from several places), and, with an AAAA "
      + "record, that IPv6 works too.",
    .tls:
      "The CA could not speak TLS with the host: check that the name points to this host and that "
      + "nothing else answers on port 443.",
    .unauthorized:
      "The CA found something else than it expected: check that the name points to this host and "
      + "that no other server, proxy or old record answers for it. If it was the account that was "
      + "refused, the account may have been deactivated.",
    .incorrectResponse:
      "The CA found another answer than it expected: check for another server, an old TXT record or "
      + "a cache that answers for this name.",
    .caa:
      "CAA records of the name or of a parent domain forbid this CA: add one that names it, or use "
      + "another CA.",
    .rateLimited:
      "Wait until the time that the CA names; issuing again at once only lengthens the wait. For "
      + "trying things out, use a staging CA.",
    .rejectedIdentifier: "The CA does not issue for this name: leave it out, or use another CA.",
    .unsupportedIdentifier:
      "The CA does not issue for this kind of name; IP addresses often need a profile of their own.",
    .badCSR:
      "The CA refused the certificate request: another key type may help, and some CAs want an "
      + "account with a contact e-mail address.",
    .badPublicKey: "The CA does not accept this key: use ec256 or rsa2048, and a key of its own "
      + "for the account.",
    .badSignatureAlgorithm:
      "The CA does not accept this kind of account key: use ec256 or rsa2048.",
    .externalAccountRequired:
      "This CA only serves its customers: get a key identifier and an HMAC key from its web site and "
      + "give both (external account binding).",
    .accountDoesNotExist:
      "The CA does not know this account key: register again, or check that the CA is the right one.",
    .invalidContact: "Check the contact e-mail address.",
    .unsupportedContact: "Give an e-mail address as contact, or none.",
    .invalidProfile: "Ask for one of the profiles that the CA lists in its directory.",
    .badRevocationReason: "Give another reason, or none.",
    .orderNotReady: "Not all names of the order have been validated yet.",
    .serverInternal: "Something broke at the CA; try again later.",
  ]
}

extension Problem {
  /// The hint for this problem, or for the first subproblem that has one.
  var hint: String? {
    if type == .userActionRequired {
      guard let instance, instance.hasPrefix("https://") else {
        return "Somebody must visit the CA's web site and agree to something there."
      }
      return "Visit " + instance.shortened(to: 500) + " and do what is asked there."
    }
    return subproblems.lazy.compactMap(\.type.hint).first ?? type.hint
  }

  /// The code of the error that this problem becomes.
  var errorCode: ACMEError.Code {
    switch type {
    case .accountDoesNotExist: .accountDoesNotExist
    case .externalAccountRequired: .externalAccountRequired
    case .userActionRequired: .termsNotAgreed
    case .rateLimited: .rateLimited
    case .alreadyReplaced: .alreadyReplaced
    case .invalidProfile: .unknownProfile
    default: .problem
    }
  }
}
