/// The tree that these tests were built from.
package enum Checkout {
  /// The path of a file or folder of it.
  ///
  /// - Parameter name: The path from its top, such as `scripts/demo`.
  /// - Returns: The absolute path.
  package static func path(_ name: String) -> String {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/") + "/" + name
  }
}
