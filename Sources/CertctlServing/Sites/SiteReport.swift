package import CertctlCore
package import FoundationEssentials

/// One site as `site list` and `site show` tell it.
package struct SiteReport: Encodable, Sendable {
  /// The state of a site in one word.
  package enum State: String, CaseIterable, Encodable, Sendable {
    /// nginx serves it, with a certificate that is valid.
    case enabled
    /// nginx does not serve it.
    case disabled
    /// Its file was changed by hand, or is not certctl's.
    case changed
    /// Its file, or the link that enables it, is not there.
    case missing
    /// There is no valid certificate for it.
    case uncertified
  }

  /// The version of the format.
  package var version = 1
  /// The site's name: that of its file.
  package let name: String
  /// The names that it is served by.
  package let hosts: [String]
  /// Where requests go, in words.
  package let target: String
  /// The URL of its first name.
  package let url: String
  /// The lineage of its certificate.
  package let certificate: String
  /// The end of the certificate in use; nil without one.
  package var notAfter: Date?
  /// Its state.
  package let state: State
  /// The path of its file on this host.
  package let file: String
  /// The container that nginx runs in; nil for this host.
  package let container: String?
  /// The text of its file.
  package var content: String?
  /// What is wrong with it, by its state.
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
        .warning, .siteChanged, subject: site, "changed by hand",
        hint: "keep a copy of its file, then give --force to have it written anew")
    case .missing:
      Finding(.error, .siteFilesMissing, subject: site, "its files are not in place")
    case .uncertified:
      Finding(.error, .siteUncertified, subject: site, "without a valid certificate")
    }
  }
}
