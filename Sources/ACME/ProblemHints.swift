extension ProblemType {
  /// A hint for a problem of this type; `nil` where the CA's message has to suffice.
  var hint: String? { Self.hints[self] }

  private static let hints: [ProblemType: String] = [
    .dns:
      "check that public DNS has A, AAAA or TXT records for the name, that all its name servers "
      + "agree, and that DNSSEC is valid",
    .connection:
      "check that the name points to this host, that the port is open in every firewall (CAs "
      + "connect from several countries), and that IPv6 works if the name has an AAAA record",
    .tls:
      "check that the name points to this host and that no other server uses port 443",
    .unauthorized:
      "check that the name points to this host and that no other server, proxy or old record "
      + "responds for it; if the CA refused the account, check that it is not deactivated",
    .incorrectResponse:
      "check for another server, an old TXT record or a cache that responds for this name",
    .caa:
      "allow this CA in the CAA records of the name or its parent domain, or use another CA",
    .rateLimited:
      "wait until the time that the CA names; for tests, use a staging CA",
    .rejectedIdentifier: "leave out this name, or use another CA",
    .unsupportedIdentifier:
      "use another CA or, for an IP address, a profile that supports it",
    .badCSR:
      "try another key type; some CAs also require an account with a contact e-mail address",
    .badPublicKey: "use a key of type ec256 or rsa2048 that differs from the account key",
    .badSignatureAlgorithm: "use an account key of type ec256 or rsa2048",
    .externalAccountRequired:
      "get a key identifier and an HMAC key for external account binding from the CA's website",
    .accountDoesNotExist: "register again, or check the CA's directory URL",
    .invalidContact: "check the contact e-mail address",
    .unsupportedContact: "use an e-mail address as contact, or none",
    .invalidProfile: "leave out the profile, or use one that the CA offers",
    .badRevocationReason: "use another reason, or none",
    .serverInternal: "try again later",
  ]
}

extension Problem {
  /// The hint for this problem, or for the first subproblem that has one.
  var hint: String? {
    if type == .userActionRequired {
      guard let instance, instance.hasPrefix("https://") else {
        return "visit the CA's website and complete the requested action"
      }
      return "visit " + instance.shortened(to: 500) + " and follow the instructions there"
    }
    return subproblems.lazy.compactMap(\.type.hint).first ?? type.hint
  }

  /// The code of the error for this problem.
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
