import ACME
import CertctlCore
import CertctlStore

extension IssueRequest {
  /// The request with the names of the certificate request, where none are given.
  func withNames() -> IssueRequest {
    guard names.isEmpty, let given = overrides.csr else { return self }
    var request = self
    request.names = given.names
    return request
  }

  /// Checks that a certificate request fits what else is wanted.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  func checkGivenRequest(_ settings: LineageSettings, of name: LineageName) throws {
    guard let pem = settings.csr else { return }
    let given = try UserCSR(stored: pem, of: name)
    let useless: [(String, Bool)] = [
      ("--key-type", overrides.keyType != nil), ("--reuse-key", overrides.reuseKey == true),
      ("--dual", overrides.dual == true),
      ("--allow-partial", overrides.allowPartial == true),
    ]
    for (option, isGiven) in useless where isGiven {
      throw CertctlError(
        .usage, "\(option) has no meaning for a certificate from a request of your own (--csr)",
        hint: "the key is in the request; for one that certctl makes take another --name")
    }
    guard Set(given.names) != Set(settings.names) else { return }
    let there = given.names.map(\.value).joined(separator: ", ")
    throw CertctlError(
      .usage,
      "the certificate request is for \(there), not for "
        + settings.names.map(\.value).joined(separator: ", "),
      hint: overrides.csr == nil
        ? "the certificate of \(name) is made from that request: give a new one by --csr, or "
          + "another --name"
        : "leave the names out, or give exactly those of the request")
  }
}
