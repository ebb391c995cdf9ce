/// Edits of all texts of a name, for services that accept only whole record sets.
package enum TXTSets {
  /// Returns the texts with values added; nil if all of them exist already.
  ///
  /// - Parameters:
  ///   - values: The values, without quotes.
  ///   - texts: The texts as the service lists them, with or without quotes; they are kept as is.
  ///   - written: Converts a value to the notation of the service.
  /// - Returns: The new texts of the name.
  package static func adding(
    _ values: [String], to texts: [String], as written: (String) -> String = TXTText.quoted
  ) -> [String]? {
    let there = Set(texts.map(TXTText.unquoted))
    let missing = values.filter { !there.contains($0) }
    return missing.isEmpty ? nil : texts + missing.map(written)
  }

  /// Returns the texts without these values; nil if none of them exists.
  ///
  /// - Parameters:
  ///   - values: The values, without quotes.
  ///   - texts: The texts as the service lists them.
  /// - Returns: The remaining texts.
  package static func removing(_ values: [String], from texts: [String]) -> [String]? {
    let rest = texts.filter { !values.contains(TXTText.unquoted($0)) }
    return rest.count == texts.count ? nil : rest
  }
}

extension [ChallengeRecord] {
  /// Returns the values of each name, with the name relative to the zone; see ``byName``.
  ///
  /// - Parameters:
  ///   - zone: The zone, without a final dot.
  ///   - apex: The label that stands for the zone apex.
  /// - Returns: The labels and values, in the order of their first appearance.
  package func byLabel(
    in zone: String, apex: String = "@"
  ) -> [(label: String, values: [String])] {
    byName.map { name, values in
      (ChallengeRecord(name: name, value: "", domain: "").label(in: zone, apex: apex), values)
    }
  }
}
