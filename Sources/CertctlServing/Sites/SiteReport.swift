package import CertctlCore
package import FoundationEssentials

/// A site as `site list` and `site show` report it.
package struct SiteReport: Encodable, Sendable {
  /// The state of a site.
  package enum State: String, CaseIterable, Encodable, Sendable {
    /// nginx serves it with a valid certificate.
    case enabled
    /// nginx does not serve it.
    case disabled
    /// Its file was edited by hand or was not written by certctl.
    case changed
    /// Its file, or the link that enables it, is missing.
    case missing
    /// It has no valid certificate.
    case uncertified
  }

  /// The version of the JSON format.
  package var version = 1
  /// The site's name, which is also the name of its file.
  package let name: String
  /// The host names of the site.
  package let hosts: [String]
  /// The upstream or directory that serves requests.
  package let target: String
  /// The URL of its first host name.
  package let url: String
  /// The lineage of its certificate.
  package let certificate: String
  /// When the certificate in use expires; nil without a certificate.
  package var notAfter: Date?
  /// Its state.
  package let state: State
  /// The path of its file on this host.
  package let file: String
  /// The container of nginx; nil for this host.
  package let container: String?
  /// The contents of its file.
  package var content: String?
  /// The problem that its state stands for.
  package let findings: [Finding]

  package init(
    version: Int = 1, name: String, hosts: [String], target: String, url: String,
    certificate: String, notAfter: Date? = nil, state: State, file: String, container: String?,
    content: String? = nil
  ) {
    self.version = version
    self.name = name
    self.hosts = hosts
    self.target = target
    self.url = url
    self.certificate = certificate
    self.notAfter = notAfter
    self.state = state
    self.file = file
    self.container = container
    self.content = content
    findings = state.finding(name).map { [$0] } ?? []
  }
}

extension SiteReport.State {
  fileprivate func finding(_ site: String) -> Finding? {
    switch self {
    case .enabled, .disabled: nil
    case .changed:
      Finding(
        .warning, .siteChanged, subject: site, "edited by hand",
        hint: "back up its file, then use --force to overwrite it")
    case .missing:
      Finding(.error, .siteFilesMissing, subject: site, "its files are missing")
    case .uncertified:
      Finding(.error, .siteUncertified, subject: site, "no valid certificate")
    }
  }
}
