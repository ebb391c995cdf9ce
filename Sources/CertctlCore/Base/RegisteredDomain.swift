package import ACME
package import CertctlBase
package import CertctlSystem
import Synchronization

/// The registered domains for a CA's rate limits, from the public suffix list.
///
/// If the host has no list, the domain is guessed: the last two labels, or three if the last is a
/// country code and the one before it is a common category (`co.uk`, `com.au`).
///
/// Under an unknown suffix (`github.io`, `kawasaki.jp`) the guess counts several registrants as
/// one, so the ledger may postpone an order that the CA would accept. Under a domain named like a
/// category (`www.co.it`) it counts too few certificates, and the CA may refuse the order.
package enum RegisteredDomain {
  /// Returns the key under which certificates for a name are counted.
  package static func key(of identifier: Identifier) -> String {
    if identifier.type == .ip { return network(identifier.value) }
    return key(of: identifier.baseDomain, by: PublicSuffixes.shared)
  }

  /// Returns the key of a domain; a public suffix is its own key.
  static func key(of domain: String, by list: Result<PublicSuffixes, HostError>) -> String {
    switch list {
    case .success(let list): list.registeredDomain(of: domain) ?? domain
    case .failure: guess(domain)
    }
  }

  /// Returns a warning that domains are guessed, and why; only once per process.
  package static func noteOfGuessing(_ list: Result<PublicSuffixes, HostError>) -> String? {
    guard case .failure(let error) = list,
      !isNoted.exchange(true, ordering: .relaxed)
    else { return nil }
    return
      "rate limits may be counted too strictly: \(error)"
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

  /// Returns an IPv4 address unchanged, and the /64 network of an IPv6 address.
  private static func network(_ text: String) -> String {
    guard let address = IPAddress(text), address.isV6 else { return text }
    let groups = stride(from: 0, to: 8, by: 2).map { index in
      String(UInt16(address.octets[index]) << 8 | UInt16(address.octets[index + 1]), radix: 16)
    }
    return groups.joined(separator: ":") + "::/64"
  }
}
