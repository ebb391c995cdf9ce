public import FoundationEssentials

/// One site as `site list` and `site show` tell it.
public struct SiteReport: Encodable, Sendable {
  /// The state of a site in one word.
  public enum State: String, CaseIterable, Encodable, Sendable {
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
  public var version = 1
  /// The site's name: that of its file.
  public let name: String
  /// The names that it is served by.
  public let hosts: [String]
  /// Where requests go, in words.
  public let target: String
  /// The URL of its first name.
  public let url: String
  /// The lineage of its certificate.
  public let certificate: String
  /// The end of the certificate in use; nil without one.
  public var notAfter: Date?
  /// Its state.
  public var state: State
  /// The path of its file on this host.
  public let file: String
  /// The container that nginx runs in; nil for this host.
  public let container: String?
  /// The text of its file.
  public var content: String?
}
