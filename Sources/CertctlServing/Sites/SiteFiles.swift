/// The paths of the files that certctl writes to an nginx configuration directory.
package enum SiteFiles {
  /// The directory of the files that all sites share.
  package static let folder = "certctl"
  /// The directory of the site files.
  static let available = "sites-available"
  /// The directory of the links to the enabled sites.
  static let enabled = "sites-enabled"
  /// The file with certctl's directives for the `http` block.
  static let http = "certctl/http.conf"
  /// The link that makes nginx include that file, sorted before all sites.
  static let httpLink = "sites-enabled/00-certctl.conf"

  /// Returns the path of a site's file.
  package static func available(_ name: String) -> String { "\(available)/\(name).conf" }
  /// Returns the path of the link that enables a site.
  package static func enabled(_ name: String) -> String { "\(enabled)/\(name).conf" }
}
