package import CertctlCore
import CertctlCrypto
package import CertctlStore
package import FoundationEssentials

/// What `issue` did.
package struct IssueReport: Encodable, Sendable {
  /// How it ended.
  package enum Outcome: String, Encodable, Sendable {
    /// There is a new certificate.
    case issued
    /// Nothing was due.
    case unchanged
    /// The names can be validated; nothing was kept.
    case validated
  }

  /// The version of the format.
  package var version = 1
  /// How it ended.
  package let outcome: Outcome
  /// Why it did that.
  package let reason: String
  /// The certificate in use; nil after a dry run of a new lineage.
  package var certificate: LineageReport?
  /// The CA's directory URL.
  package let directory: String
  /// What became of the hooks that ran.
  package var hooks: [HookResult]?
}

/// One lineage as `list` and `show` tell it.
package struct LineageReport: Encodable, Sendable {
  /// The state of a lineage in one word.
  package enum State: String, CaseIterable, Encodable, Sendable {
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
  package let name: String
  /// Its state.
  package var state: State
  /// The names that are wanted.
  package var names: [String]
  /// Those of them that the certificate in use had to be issued without.
  package var missingNames: [String]?
  /// The CA's preset name or directory URL.
  package var authority: String?
  /// The directory URL of the CA that issued the certificate in use.
  package var directoryURL: String?
  /// The challenge type.
  package var challenge: String?
  /// Who makes the records of DNS challenges: what stands after `--dns`.
  package var dns: String?
  /// The key type.
  package var keyType: String?
  /// The generation that all of this is about: the one in use, or to be used.
  package var generation: Int?
  /// The one that servers use until they were made to use that one; nil when they were.
  package var generationInUse: Int?
  /// All generations on disk.
  package var generations: [Int]?
  /// The common name of the leaf's issuer.
  package var issuer: String?
  /// The serial number in hexadecimal.
  package var serial: String?
  /// The SHA-256 fingerprint of the leaf in hexadecimal.
  package var sha256: String?
  /// When the certificate begins to be valid.
  package var notBefore: Date?
  /// When it ends.
  package var notAfter: Date?
  /// When it is renewed: the instant that was chosen in the window of the CA, or that its dates
  /// give; later when failures hold it back.
  package var renewAt: Date?
  /// Why then, in words.
  package var renewReason: String?
  /// The window that the CA suggests (RFC 9773).
  package var suggestion: RenewalState.Suggestion?
  /// When the certificate in use was obtained: the last success.
  package var obtained: Date?
  /// How many attempts failed in a row since then.
  package var failures: Int?
  /// Whether servers were made to use the certificate in use.
  package var deployment: Deployment.Progress?
  /// Why that failed, if it did.
  package var deploymentFailure: String?
  /// The folder that servers use.
  package var directory: String?
  /// The leaf and its issuers in PEM.
  package var fullchain: String?
  /// The key in PEM; nil where it is not here, because the user made the request.
  package var privkey: String?
  /// The RSA certificate beside the other, where there are two.
  package var rsa: RSA?
  /// The sites of certctl's that use it; nil where nobody asked, as in `list`.
  package var sites: [Site]?
  /// Whether an nginx that runs on this host, or in a container that certctl knows, uses it; nil where
  /// that is not known.
  package var usedByNginx: Bool?
  /// Those that do; nil where that is not known.
  package var nginx: [NginxUse]?
  /// Why the last attempt failed.
  package var lastFailure: Lineage.Failure?
  /// What is damaged.
  package var problem: String?
  /// What to do about that.
  package var problemHint: String?
  /// All that is wrong, made of the other fields by `findings(at:)`.
  package var findings: [Finding] = []

  private enum CodingKeys: CodingKey {
    case name, state, names, missingNames, authority, directoryURL, challenge, dns, keyType
    case generation, generationInUse, generations, issuer, serial, sha256, notBefore, notAfter
    case renewAt, renewReason, suggestion, obtained, failures, deployment, deploymentFailure
    case directory, fullchain, privkey, rsa, sites, usedByNginx, nginx, lastFailure, problem,
      findings
  }
}

extension LineageReport {
  /// A site of certctl's that uses the certificate.
  package struct Site: Encodable, Sendable {
    /// The site's name.
    package let name: String
    /// Whether nginx is to serve it.
    package let isEnabled: Bool
  }

  /// An nginx that uses the certificate.
  package struct NginxUse: Encodable, Sendable {
    /// The number of its master process.
    package let pid: Int32
    /// The path of the program.
    package let executable: String
    /// The unit of systemd that runs it.
    package let unit: String?
    /// The container that it runs in; nil on this host.
    package let container: String?
    /// The addresses at which it serves the certificate, as "192.0.2.1:443".
    package let addresses: [String]
  }
}

extension LineageReport {
  /// The RSA certificate of a lineage that has two.
  package struct RSA: Encodable, Sendable {
    /// The key type.
    package let keyType: String
    /// The common name of the leaf's issuer.
    package let issuer: String
    /// The serial number in hexadecimal.
    package let serial: String
    /// The SHA-256 fingerprint of the leaf in hexadecimal.
    package let sha256: String
    /// When the certificate begins to be valid.
    package let notBefore: Date
    /// When it ends.
    package let notAfter: Date
    /// The leaf and its issuers in PEM.
    package var fullchain: String?
    /// The key in PEM.
    package var privkey: String?

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
package struct AccountReport: Encodable, Sendable {
  /// The local id.
  package let id: String
  /// The CA's directory URL.
  package let directory: String
  /// The account's URL at the CA.
  package let url: String?
  /// Its status, as the CA says or as is known here.
  package let status: String
  /// The contact URLs.
  package let contacts: [String]
  /// The algorithm of its key.
  package let keyType: String?
  /// The RFC 7638 thumbprint of its key.
  package let thumbprint: String
  /// The key identifier of the external account.
  package let externalAccount: String?
  /// When it was made on this machine.
  package let created: Date
}
