/// Where certctl's own files lie in the folder of an nginx.
package enum SiteFiles {
  /// What certctl has for all sites.
  package static let folder = "certctl"
  /// The sites that there are.
  static let available = "sites-available"
  /// Links to those that nginx is to serve.
  static let enabled = "sites-enabled"
  /// What belongs to the `http` block.
  static let http = "certctl/http.conf"
  /// The link by which nginx finds it: before all sites.
  static let httpLink = "sites-enabled/00-certctl.conf"

  /// The file of a site.
  package static func available(_ name: String) -> String { "\(available)/\(name).conf" }
  /// The link that enables it.
  package static func enabled(_ name: String) -> String { "\(enabled)/\(name).conf" }
}
