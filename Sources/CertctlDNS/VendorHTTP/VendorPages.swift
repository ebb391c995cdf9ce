extension VendorAPI {
  /// The maximum number of pages per list, as a guard against endless lists.
  static let mostPages = 1000

  /// Returns all entries of a paginated list.
  ///
  /// - Parameters:
  ///   - what: The action for error messages: "list the records".
  ///   - page: Reads a page by its number, starting at 1: the entries, and whether more pages
  ///     follow.
  /// - Returns: The entries of all pages.
  /// - Throws: `CertctlError` if the list is endless, and the errors of `page`.
  package func pages<Entry>(
    _ what: String, _ page: (Int) async throws -> (entries: [Entry], hasMore: Bool)
  ) async throws -> [Entry] {
    var all: [Entry] = []
    for number in 1...Self.mostPages {
      let (entries, hasMore) = try await page(number)
      all += entries
      if !hasMore { return all }
    }
    throw failure(what, "the list has more than \(Self.mostPages) pages")
  }
}
