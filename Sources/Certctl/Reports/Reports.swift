public import FoundationEssentials
import PKI

/// What `issue` did.
public struct IssueReport: Encodable, Sendable {
  /// How it ended.
  public enum Outcome: String, Encodable, Sendable {
    /// There is a new certificate.
    case issued
    /// Nothing was due.
    case unchanged
    /// The names can be validated; nothing was kept.
    case validated
  }

  /// The version of the format.
  public var version = 1
  /// How it ended.
  public let outcome: Outcome
  /// Why it did that.
  public let reason: String
  /// The certificate in use; nil after a dry run of a new lineage.
  public var certificate: LineageReport?
  /// The CA's directory URL.
  public let directory: String
  /// What became of the hooks that ran.
  public var hooks: [HookResult]?
}

/// One lineage as `list` and `show` tell it.
public struct LineageReport: Encodable, Sendable {
  /// The state of a lineage in one word.
  public enum State: String, CaseIterable, Encodable, Sendable {
    /// The certificate in use is valid, and not due.
    case valid
    /// It is valid, without some of the wanted names, which could not be proved.
    case degraded
    /// It is valid, and due for renewal.
    case due
    /// It has expired.
    case expired
    /// It was revoked.
    case revoked
    /// There is no certificate yet.
    case missing
    /// Servers are given a self-signed placeholder.
    case placeholder
    /// Something on disk is damaged; `problem` says what.
    case damaged
  }

  /// The lineage's name.
  public let name: String
  /// Its state.
  public var state: State
  /// The names that are wanted.
  public var names: [String]
  /// Those of them that the certificate in use had to be issued without.
  public var missingNames: [String]?
  /// The CA's preset name or directory URL.
  public var authority: String?
  /// The directory URL of the CA that issued the certificate in use.
  public var directoryURL: String?
  /// The challenge type.
  public var challenge: String?
  /// Who makes the records of DNS challenges: what stands after `--dns`.
  public var dns: String?
  /// The key type.
  public var keyType: String?
  /// The generation that all of this is about: the one in use, or to be used.
  public var generation: Int?
  /// The one that servers use until they were made to use that one; nil when they were.
  public var generationInUse: Int?
  /// All generations on disk.
  public var generations: [Int]?
  /// The common name of the leaf's issuer.
  public var issuer: String?
  /// The serial number in hexadecimal.
  public var serial: String?
  /// The SHA-256 fingerprint of the leaf in hexadecimal.
  public var sha256: String?
  /// When the certificate begins to be valid.
  public var notBefore: Date?
  /// When it ends.
  public var notAfter: Date?
  /// When it is renewed: the instant that was chosen in the window of the CA, or that its dates
  /// give; later when failures hold it back.
  public var renewAt: Date?
  /// Why then, in words.
  public var renewReason: String?
  /// The window that the CA suggests (RFC 9773).
  public var suggestion: RenewalState.Suggestion?
  /// When the certificate in use was obtained: the last success.
  public var obtained: Date?
  /// How many attempts failed in a row since then.
  public var failures: Int?
  /// Whether servers were made to use the certificate in use.
  public var deployment: Deployment.Progress?
  /// Why that failed, if it did.
  public var deploymentFailure: String?
  /// The folder that servers use.
  public var directory: String?
  /// The leaf and its issuers in PEM.
  public var fullchain: String?
  /// The key in PEM; nil where it is not here, because the user made the request.
  public var privkey: String?
  /// The RSA certificate beside the other, where there are two.
  public var rsa: RSA?
  /// Why the last attempt failed.
  public var lastFailure: Lineage.Failure?
  /// What is damaged.
  public var problem: String?
}

extension LineageReport {
  /// The RSA certificate of a lineage that has two.
  public struct RSA: Encodable, Sendable {
    /// The key type.
    public let keyType: String
    /// The common name of the leaf's issuer.
    public let issuer: String
    /// The serial number in hexadecimal.
    public let serial: String
    /// The SHA-256 fingerprint of the leaf in hexadecimal.
    public let sha256: String
    /// When the certificate begins to be valid.
    public let notBefore: Date
    /// When it ends.
    public let notAfter: Date
    /// The leaf and its issuers in PEM.
    public var fullchain: String?
    /// The key in PEM.
    public var privkey: String?

    init(_ leaf: Certificate) {
      keyType = leaf.publicKey.type?.rawValue ?? leaf.publicKey.kind
      issuer = leaf.issuerCommonName ?? leaf.issuer
      serial = leaf.serialNumber.hexadecimal
      sha256 = leaf.sha256Fingerprint.hexadecimal
      notBefore = leaf.notBefore
      notAfter = leaf.notAfter
    }
  }
}

/// An account as `account show` tells it.
public struct AccountReport: Encodable, Sendable {
  /// The local id.
  public let id: String
  /// The CA's directory URL.
  public let directory: String
  /// The account's URL at the CA.
  public let url: String?
  /// Its status, as the CA says or as is known here.
  public let status: String
  /// The contact URLs.
  public let contacts: [String]
  /// The algorithm of its key.
  public let keyType: String?
  /// The RFC 7638 thumbprint of its key.
  public let thumbprint: String
  /// The key identifier of the external account.
  public let externalAccount: String?
  /// When it was made on this machine.
  public let created: Date
}
