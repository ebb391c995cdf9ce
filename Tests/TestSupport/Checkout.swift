/// The source tree that the tests were built from.
package enum Checkout {
  /// Returns the absolute path of a file or directory in the tree.
  ///
  /// - Parameter name: The path from the top, such as `scripts/demo`.
  /// - Returns: The absolute path.
  package static func path(_ name: String) -> String {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/") + "/" + name
  }
}
