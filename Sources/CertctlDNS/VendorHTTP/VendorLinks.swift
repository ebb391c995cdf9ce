import CertctlBase

extension VendorAnswer {
  /// The URL of the next page, as the field `Link` tells it (RFC 8288, section 3); nil at the end.
  ///
  /// A URL elsewhere than below the API's own base counts for none: our token would go there.
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
