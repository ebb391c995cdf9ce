import ACME
import CertctlCore
import CertctlStore

extension IssueRequest {
  /// Returns the request, with the names of the CSR if it has none.
  func withNames() -> IssueRequest {
    guard names.isEmpty, let given = overrides.csr else { return self }
    var request = self
    request.names = given.names
    return request
  }

  /// Checks that the CSR fits the other settings.
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
        .usage, "\(option) cannot be used for a certificate from a CSR (--csr)",
        hint: "to let certctl generate the key, use another --name")
    }
    guard Set(given.names) != Set(settings.names) else { return }
    let there = given.names.map(\.value).joined(separator: ", ")
    throw CertctlError(
      .usage,
      "the CSR is for \(there), not for "
        + settings.names.map(\.value).joined(separator: ", "),
      hint: overrides.csr == nil
        ? "use --csr with a new CSR for \(name), or use another --name"
        : "omit the names, or use exactly those of the CSR")
  }
}
