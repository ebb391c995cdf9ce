package import ACME
package import CertctlBase
package import CertctlSystem
import Synchronization

/// The domains that a CA counts certificates by: those of the public suffix list.
///
/// Without the list, which the host brings, they are guessed. The last two labels stand for the registered
/// domain; three, where the last is a country's and the one before it is a word that registries use for a
/// category (`co.uk`, `com.au`). Under a suffix that the guess does not know (`github.io`, `kawasaki.jp`)
/// the names of several registrants count as one: too many, so the ledger may say wait where the CA would
/// not. Under a domain that is named like a category (`www.co.it`) it counts too few, and the CA has the
/// last word.
package enum RegisteredDomain {
  /// What certificates for this name are counted by.
  package static func key(of identifier: Identifier) -> String {
    if identifier.type == .ip { return network(identifier.value) }
    return key(of: identifier.baseDomain, by: PublicSuffixes.shared)
  }

  /// What a domain is counted by; a suffix itself by its own name.
  static func key(of domain: String, by list: Result<PublicSuffixes, HostError>) -> String {
    switch list {
    case .success(let list): list.registeredDomain(of: domain) ?? domain
    case .failure: guess(domain)
    }
  }

  /// A note for the person that domains are only guessed, and why; once in the life of the process.
  package static func noteOfGuessing(_ list: Result<PublicSuffixes, HostError>) -> String? {
    guard case .failure(let error) = list,
      !isNoted.exchange(true, ordering: .relaxed)
    else { return nil }
    return
      "registered domains are guessed, so a CA's rate limits may be counted too strictly: \(error)"
      + (error.hint.map { " (\($0))" } ?? "")
  }

  private static let isNoted = Atomic(false)

  private static func guess(_ domain: String) -> String {
    let labels = domain.split(separator: ".")
    guard labels.count > 2 else { return domain }
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
  private static func network(_ text: String) -> String {
    guard let address = IPAddress(text), address.isV6 else { return text }
    let groups = stride(from: 0, to: 8, by: 2).map { index in
      String(UInt16(address.octets[index]) << 8 | UInt16(address.octets[index + 1]), radix: 16)
    }
    return groups.joined(separator: ":") + "::/64"
  }
}
