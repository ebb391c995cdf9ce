import CertctlBase

extension VendorAnswer {
  /// The URL of the next page from the `Link` header (RFC 8288, section 3); nil on the last page.
  ///
  /// A URL outside the base of the API is ignored, because the token would be sent there.
  package var nextPage: String? {
    for link in response.headers("Link").flatMap({ $0.split(separator: ",") }) {
      let parts = link.split(separator: ";").map { $0.trimmingPrefix(while: \.isWhitespace) }
      guard let target = parts.first, target.hasPrefix("<"), let end = target.firstIndex(of: ">"),
        parts.dropFirst().contains(where: { $0 == "rel=\"next\"" || $0 == "rel=next" })
      else { continue }
      let url = String(target[target.index(after: target.startIndex)..<end])
      if url.hasPrefix(api.base + "/") { return url }
    }
    return nil
  }
}
