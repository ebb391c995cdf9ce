import ACME

/// The domains that a CA counts certificates by, guessed without the public suffix list.
///
/// The list is 300 kB and changes weekly, so it is not in the binary. The last two labels stand
/// for the registered domain; three, where the last is a country's and the one before it is a
/// word that registries use for a category (`co.uk`, `com.au`). Under a suffix that the guess does
/// not know (`github.io`, `kawasaki.jp`) the names of several registrants count as one: too
/// many, so the ledger may say wait where the CA would not. Under a domain that is named like a
/// category (`www.co.it`) it counts too few, and the CA has the last word.
enum RegisteredDomain {
  /// What certificates for this name are counted by.
  static func key(of identifier: Identifier) -> String {
    if identifier.type == .ip { return network(identifier.value) }
    let labels = identifier.baseDomain.split(separator: ".")
    guard labels.count > 2 else { return identifier.baseDomain }
    let isCountry = labels[labels.count - 1].utf8.count == 2
    let isCategory = categories.contains(String(labels[labels.count - 2]))
    return labels.suffix(isCountry && isCategory ? 3 : 2).joined(separator: ".")
  }

  private static let categories: Set<String> = [
    "ac", "asn", "co", "com", "ed", "edu", "fin", "go", "gob", "gouv", "gov", "govt", "gv", "id",
    "info", "ltd", "me", "mil", "ne", "net", "nhs", "nom", "or", "org", "plc", "police", "sch",
    "school", "web",
  ]

  /// An IPv4 address as it is, an IPv6 address as its /64: the first four groups.
  private static func network(_ address: String) -> String {
    guard address.contains(":") else { return address }
    let halves = address.split(separator: ":", omittingEmptySubsequences: false)
    var groups: [Substring] = []
    for (index, group) in halves.enumerated() {
      if group.isEmpty, index > 0 {
        // "::" stands for as many zeros as are missing, and here for enough of them.
        let rest = halves[(index + 1)...].filter { !$0.isEmpty }.count
        let zeros = max(0, 8 - groups.count - rest)
        groups += Array(repeating: "0", count: zeros)
        groups += halves[(index + 1)...].filter { !$0.isEmpty }
        break
      }
      if !group.isEmpty { groups.append(group) }
    }
    return groups.prefix(4).joined(separator: ":") + "::/64"
  }
}
