/// What becomes of all texts of one name, for services that take them only as a whole.
package enum TXTSets {
  /// The texts with values added; nil when all of them are there already.
  ///
  /// - Parameters:
  ///   - values: The values, without quotes.
  ///   - texts: The texts as the service has them, with or without quotes: they stay as they are.
  ///   - written: How the service wants a value written.
  /// - Returns: All texts that the name is to have.
  package static func adding(
    _ values: [String], to texts: [String], as written: (String) -> String = TXTText.quoted
  ) -> [String]? {
    let there = Set(texts.map(TXTText.unquoted))
    let missing = values.filter { !there.contains($0) }
    return missing.isEmpty ? nil : texts + missing.map(written)
  }

  /// The texts without these values; nil when none of them is there.
  ///
  /// - Parameters:
  ///   - values: The values, without quotes.
  ///   - texts: The texts as the service has them.
  /// - Returns: The texts that stay.
  package static func removing(_ values: [String], from texts: [String]) -> [String]? {
    let rest = texts.filter { !values.contains(TXTText.unquoted($0)) }
    return rest.count == texts.count ? nil : rest
  }
}

extension [ChallengeRecord] {
  /// The values of each name, by the labels before the zone's; see ``byName``.
  ///
  /// - Parameters:
  ///   - zone: The zone, without a final dot.
  ///   - apex: What stands for the zone's own name.
  /// - Returns: The labels and values, in the order in which they first appear.
  package func byLabel(
    in zone: String, apex: String = "@"
  ) -> [(label: String, values: [String])] {
    byName.map { name, values in
      (ChallengeRecord(name: name, value: "", domain: "").label(in: zone, apex: apex), values)
    }
  }
}
