extension VendorAPI {
  /// The most pages of one list that are read: a service that never comes to an end is an error.
  static let mostPages = 1000

  /// All entries of a list that a service gives page by page.
  ///
  /// - Parameters:
  ///   - what: What is being done, for errors: "list the records".
  ///   - page: Reads one page, by its number from 1 on: the entries, and whether more pages follow.
  /// - Returns: The entries of all pages.
  /// - Throws: `CertctlError` when there is no end, and what `page` throws.
  package func pages<Entry>(
    _ what: String, _ page: (Int) async throws -> (entries: [Entry], hasMore: Bool)
  ) async throws -> [Entry] {
    var all: [Entry] = []
    for number in 1...Self.mostPages {
      let (entries, hasMore) = try await page(number)
      all += entries
      if !hasMore { return all }
    }
    throw failure(what, "the list has no end after \(Self.mostPages) pages")
  }
}
