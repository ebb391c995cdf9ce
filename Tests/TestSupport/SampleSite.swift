import ACME
package import CertctlServing

extension Site {
  /// Creates a site from the texts of a command line.
  package static func sample(
    _ hosts: String..., to content: String = "http://127.0.0.1:8080", certificate: String? = "test",
    locations: [String] = [], _ change: (inout SiteSettings) -> Void = { _ in }
  ) throws -> Site {
    try Site(
      hosts: hosts.map { try Identifier(parsing: $0) }, certificate: certificate,
      content: SiteContent(content), locations: locations.map { try SiteLocation($0) },
      settings: SiteSettings(change))
  }
}
