import CertctlBase

/// A TXT record as a service lists it.
package struct VendorRecord<Identity: Sendable>: Sendable {
  /// The service's own identity of the record.
  package let id: Identity
  /// The record's full name in lower case, without a final dot.
  package let name: String
  /// The text without quotes.
  package let text: String

  /// A record of a service that lists full names.
  ///
  /// - Parameters:
  ///   - id: The service's own identity of the record.
  ///   - name: The full name, with or without a final dot; some services give it in Unicode.
  ///   - text: The text, with or without quotes.
  package init(id: Identity, name: String, text: String) {
    self.id = id
    let lower = (try? InternationalName.toASCII(name)) ?? name.lowercased()
    self.name = lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    self.text = TXTText.unquoted(text)
  }

  /// A record of a service that lists names relative to the zone.
  ///
  /// - Parameters:
  ///   - id: The service's own identity of the record.
  ///   - label: The name before the zone's; nothing or `@` stands for the zone's own.
  ///   - zone: The zone, without a final dot.
  ///   - text: The text, with or without quotes.
  package init(id: Identity, label: String, in zone: String, text: String) {
    self.init(
      id: id, name: label.isEmpty || label == "@" ? zone : "\(label).\(zone)", text: text)
  }
}

extension [ChallengeRecord] {
  /// The records that a zone lacks, each once.
  ///
  /// - Parameter there: What the zone has.
  /// - Returns: The records, in their order.
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

  /// The identities of these records in a zone, and of no others.
  ///
  /// - Parameter there: What the zone has.
  /// - Returns: The identities, in the zone's order.
  package func identities<Identity>(in there: [VendorRecord<Identity>]) -> [Identity] {
    there.filter { entry in contains { $0.name == entry.name && $0.value == entry.text } }
      .map(\.id)
  }

  /// The one name that all of them have; nil when there are several.
  package var onlyName: String? {
    let names = Set(map(\.name))
    return names.count == 1 ? names.first : nil
  }
}
