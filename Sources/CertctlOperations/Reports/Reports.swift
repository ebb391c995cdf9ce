package import CertctlCore
import CertctlCrypto
package import CertctlStore
package import FoundationEssentials

/// The report of `issue`.
package struct IssueReport: Encodable, Sendable {
  /// The outcome.
  package enum Outcome: String, Encodable, Sendable {
    /// A new certificate was issued.
    case issued
    /// Nothing was due.
    case unchanged
    /// A dry run validated the names; nothing was kept.
    case validated
  }

  /// The format version.
  package var version = 1
  /// The outcome.
  package let outcome: Outcome
  /// The reason for the outcome.
  package let reason: String
  /// The certificate in use; nil after a dry run of a new lineage.
  package var certificate: LineageReport?
  /// The CA's directory URL.
  package let directory: String
  /// The results of the hooks that ran.
  package var hooks: [HookResult]?
}

/// A lineage as reported by `list` and `show`.
package struct LineageReport: Encodable, Sendable {
  /// The state of a lineage.
  package enum State: String, CaseIterable, Encodable, Sendable {
    /// The certificate in use is valid and not due.
    case valid
    /// It is valid, but lacks requested names that the CA refused.
    case degraded
    /// It is valid and due for renewal.
    case due
    /// It has expired.
    case expired
    /// It was revoked.
    case revoked
    /// There is no certificate yet.
    case missing
    /// Servers use a self-signed placeholder.
    case placeholder
    /// A file is damaged; `problem` describes it.
    case damaged
  }

  /// The lineage's name.
  package let name: String
  /// Its state.
  package var state: State
  /// The requested names.
  package var names: [String]
  /// The requested names that the certificate in use lacks.
  package var missingNames: [String]?
  /// The CA's preset name or directory URL.
  package var authority: String?
  /// The directory URL of the CA that issued the certificate in use.
  package var directoryURL: String?
  /// The challenge type.
  package var challenge: String?
  /// The DNS provider, as set with `--dns`.
  package var dns: String?
  /// The key type.
  package var keyType: String?
  /// The generation that this report describes: the one in use, or the one to be deployed.
  package var generation: Int?
  /// The generation that servers still use, if it is not `generation`.
  package var generationInUse: Int?
  /// All generations on disk.
  package var generations: [Int]?
  /// The common name of the leaf's issuer.
  package var issuer: String?
  /// The serial number in hexadecimal.
  package var serial: String?
  /// The SHA-256 fingerprint of the leaf in hexadecimal.
  package var sha256: String?
  /// The start of its validity.
  package var notBefore: Date?
  /// The expiry date.
  package var notAfter: Date?
  /// The time of the next renewal.
  ///
  /// It is chosen in the CA's window, or calculated from the certificate's dates. Failures
  /// postpone it.
  package var renewAt: Date?
  /// The reason for that time, for a person.
  package var renewReason: String?
  /// The renewal window suggested by the CA (RFC 9773).
  package var suggestion: RenewalState.Suggestion?
  /// The time of issuance of the certificate in use.
  package var obtained: Date?
  /// The number of consecutive failed attempts since then.
  package var failures: Int?
  /// The progress of its deployment.
  package var deployment: Deployment.Progress?
  /// The reason for a failed deployment.
  package var deploymentFailure: String?
  /// The directory that servers read.
  package var directory: String?
  /// The path of the leaf and its issuers in PEM.
  package var fullchain: String?
  /// The path of the key in PEM; nil if only the user has the key (`--csr`).
  package var privkey: String?
  /// The RSA certificate of a dual lineage.
  package var rsa: RSA?
  /// The sites of certctl that use it; nil if not determined, as in `list`.
  package var sites: [Site]?
  /// Whether an nginx on this host, or in a container that certctl knows, uses it; nil if unknown.
  package var usedByNginx: Bool?
  /// The nginx that use it; nil if unknown.
  package var nginx: [NginxUse]?
  /// The failure of the last attempt.
  package var lastFailure: Lineage.Failure?
  /// The description of the damage.
  package var problem: String?
  /// The hint for the damage.
  package var problemHint: String?
  /// The findings, derived from the other fields by `findings(at:)`.
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
  /// A certctl site that uses the certificate.
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
  /// The RSA certificate of a dual lineage.
  package struct RSA: Encodable, Sendable {
    /// The key type.
    package let keyType: String
    /// The common name of the leaf's issuer.
    package let issuer: String
    /// The serial number in hexadecimal.
    package let serial: String
    /// The SHA-256 fingerprint of the leaf in hexadecimal.
    package let sha256: String
    /// The start of its validity.
    package let notBefore: Date
    /// The expiry date.
    package let notAfter: Date
    /// The path of the leaf and its issuers in PEM.
    package var fullchain: String?
    /// The path of the key in PEM.
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

/// An account as reported by `account show`.
package struct AccountReport: Encodable, Sendable {
  /// The local id.
  package let id: String
  /// The CA's directory URL.
  package let directory: String
  /// The account's URL at the CA.
  package let url: String?
  /// Its status, from the CA or from the local record.
  package let status: String
  /// The contact URLs.
  package let contacts: [String]
  /// The algorithm of its key.
  package let keyType: String?
  /// The RFC 7638 thumbprint of its key.
  package let thumbprint: String
  /// The key identifier of the external account.
  package let externalAccount: String?
  /// The time of its creation on this host.
  package let created: Date
}
