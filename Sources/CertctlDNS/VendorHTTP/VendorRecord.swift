import CertctlBase

/// A TXT record as a service lists it.
package struct VendorRecord<Identity: Sendable>: Sendable {
  /// The identifier assigned by the service.
  package let id: Identity
  /// The full name in lower case, without a final dot.
  package let name: String
  /// The text without quotes.
  package let text: String

  /// Creates a record of a service that lists full names.
  ///
  /// - Parameters:
  ///   - id: The identifier assigned by the service.
  ///   - name: The full name, with or without a final dot; some services return it in Unicode.
  ///   - text: The text, with or without quotes.
  package init(id: Identity, name: String, text: String) {
    self.id = id
    let lower = (try? InternationalName.toASCII(name)) ?? name.lowercased()
    self.name = lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    self.text = TXTText.unquoted(text)
  }

  /// Creates a record of a service that lists names relative to the zone.
  ///
  /// - Parameters:
  ///   - id: The identifier assigned by the service.
  ///   - label: The name relative to the zone; empty or `@` for the zone apex.
  ///   - zone: The zone, without a final dot.
  ///   - text: The text, with or without quotes.
  package init(id: Identity, label: String, in zone: String, text: String) {
    self.init(
      id: id, name: label.isEmpty || label == "@" ? zone : "\(label).\(zone)", text: text)
  }
}

extension [ChallengeRecord] {
  /// Returns the records that a zone lacks, without duplicates.
  ///
  /// - Parameter there: The records of the zone.
  /// - Returns: The missing records, in their order.
  package func missing<Identity>(from there: [VendorRecord<Identity>]) -> [ChallengeRecord] {
    var result: [ChallengeRecord] = []
    for record in self
    where !there.contains(where: { $0.name == record.name && $0.text == record.value })
      && !result.contains(where: { $0.name == record.name && $0.value == record.value })
    {
      result.append(record)
    }
    return result
  }

  /// Returns the identifiers of exactly these records in a zone.
  ///
  /// - Parameter there: The records of the zone.
  /// - Returns: The identifiers, in the order of the zone.
  package func identities<Identity>(in there: [VendorRecord<Identity>]) -> [Identity] {
    there.filter { entry in contains { $0.name == entry.name && $0.value == entry.text } }
      .map(\.id)
  }

  /// The name that all records share; nil if there are several names.
  package var onlyName: String? {
    let names = Set(map(\.name))
    return names.count == 1 ? names.first : nil
  }
}
