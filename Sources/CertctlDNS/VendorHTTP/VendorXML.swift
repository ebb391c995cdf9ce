import CertctlBase
package import CertctlSystem

extension VendorAnswer {
  /// Parses the body as XML.
  ///
  /// - Returns: The root element.
  /// - Throws: `CertctlError` with code `challengeFailed` if it is not XML, or if libexpat is
  ///   missing; then the hint names the package to install.
  package func xml() throws -> XMLTree {
    do {
      return try XMLTree(parsing: body)
    } catch {
      let cause = error.code == .malformedXML ? error.detail.map { "invalid XML: \($0)" } : nil
      throw api.failure(what, cause ?? error.description, hint: error.hint)
    }
  }
}

extension VendorWords {
  /// Returns the message of an XML error, such as `<Message>`; nil for a web page.
  static func find(inXML body: [UInt8]) -> String? {
    guard let tree = try? XMLTree(parsing: body), tree.name.lowercased() != "html" else {
      return nil
    }
    return words(in: tree)
  }

  private static func words(in tree: XMLTree) -> String? {
    for child in tree.children {
      if ["message", "error"].contains(child.name.lowercased()),
        child.text.contains(where: { !$0.isWhitespace })
      {
        return child.text
      }
      if let words = words(in: child) { return words }
    }
    return nil
  }
}
