import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport

@testable import CertctlCore
@testable import CertctlStore

/// Returns settings for some names, with defaults for the rest.
func settings(
  _ names: String..., change: (inout LineageSettings) -> Void = { _ in }
) -> LineageSettings {
  var settings = LineageSettings(
    names: names.map { .dns($0) }, authorities: ["https://ca.test/dir"])
  change(&settings)
  return settings
}

/// Returns a certificate with its chain and key from a test CA.
func issued(
  _ ca: TestCA, _ names: String..., from: Date = TestClock().now.addingTimeInterval(-3600),
  days: Double = 90, key: PrivateKey? = nil
) throws -> IssuedCertificate {
  let key = try key ?? PrivateKey.generate(.ec256)
  let leaf = try ca.leaf(
    for: key.publicKey, dnsNames: names, notBefore: from,
    notAfter: from.addingTimeInterval(days * 86400))
  return IssuedCertificate(chain: [leaf, ca.intermediate], key: key)
}

/// Runs a test with its own state directory.
func withState<Result>(
  _ body: (StateDirectory, TemporaryFolder) async throws -> Result
) async throws -> Result {
  try await withTemporaryFolder(label: "unit") { folder in
    try await body(StateDirectory(path: folder.path("state")), folder)
  }
}

/// Returns the error of a closure as a `CertctlError`, or nil if it succeeds.
func failure<Result>(of body: () async throws -> Result) async -> CertctlError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return CertctlError(wrapping: error)
  }
}

let exampleName = LineageName(unchecked: "example.com")

extension LineageName {
  /// Creates a name that is known to be valid.
  init(unchecked text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(error)") }
  }
}
