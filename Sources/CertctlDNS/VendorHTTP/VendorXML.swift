import CertctlBase
package import CertctlSystem

extension VendorAnswer {
  /// The body as XML.
  ///
  /// - Returns: The root element.
  /// - Throws: `CertctlError` with code `challengeFailed` when it is no XML, and with the hint what to
  ///   install where libexpat is missing.
  package func xml() throws -> XMLTree {
    do {
      return try XMLTree(parsing: body)
    } catch {
      throw api.failure(what, error.description, hint: error.hint)
    }
  }
}

extension VendorWords {
  /// The sentence for people in an error's XML, such as `<Message>`; nil for a web page.
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
