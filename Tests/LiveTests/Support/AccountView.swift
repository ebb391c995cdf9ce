import ACME
import CertctlCrypto
import CertctlHTTP
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

/// certctl's account at the CA, for requests that certctl itself never sends.
struct AccountView: Sendable {
  private let account: Account

  /// Loads the only account in a host's state directory.
  init(of host: LiveHost) throws {
    let authority = try #require(host.entries("accounts").first)
    let id = try #require(host.entries("accounts/\(authority)").first)
    let path = "state/accounts/\(authority)/\(id)"
    let record = try #require(host.folder.read("\(path)/account.json"))
    let url = try #require(JSONValue([UInt8](record.utf8))?["url"].string)
    let key = try #require(host.folder.read("\(path)/key.pem"))
    let http = CurlHTTPClient(
      .init(userAgent: "certctl-tests/1", caBundle: host.pebble.caBundlePath))
    account = ACMEClient(directoryURL: host.pebble.directoryURL, http: http)
      .account(url: url, key: try PrivateKey(pem: [UInt8](key.utf8)))
  }

  /// Returns the status by name of the authorizations in all of Pebble's orders so far.
  func authorizations(_ pebble: Pebble) async throws -> [String: String] {
    let base = pebble.directoryURL.dropLast("/dir".count)
    var statuses: [String: String] = [:]
    for line in pebble.log.split(separator: "\n") {
      guard let match = line.firstMatch(of: /Added order "([^"]+)" to the db/) else { continue }
      let order = try await account.order(at: "\(base)/my-order/\(match.output.1)")
      for url in order.authorizations {
        let authorization = try await account.authorization(at: url)
        statuses[authorization.identifier.value] = authorization.status.rawValue
      }
    }
    return statuses
  }
}
