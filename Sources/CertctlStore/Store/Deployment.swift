package import FoundationEssentials

/// What became of making servers use the certificates of a lineage.
///
/// It names certificates by their SHA-256 fingerprints in hexadecimal: whatever else is in use, by
/// a rollback or after a crash, counts as not deployed.
package struct Deployment: Codable, Sendable, Equatable {
  /// The certificate that was last deployed with success.
  package var certificate: String?
  /// When that was.
  package var date: Date?
  /// The attempts since then that failed.
  package var failure: Failure?

  /// A deployment that failed.
  package struct Failure: Codable, Sendable, Equatable {
    /// The certificate that was to be deployed.
    package var certificate: String
    /// When the last attempt failed.
    package var date: Date
    /// How many attempts failed in a row.
    package var count: Int
    /// What was said.
    package var message: String
  }

  /// How far the deployment of one certificate has come.
  package enum Progress: String, CaseIterable, Sendable, Encodable {
    /// Nothing was tried yet.
    case notDeployed
    /// All that had to use it uses it.
    case deployed
    /// The last attempt failed; the next run tries again.
    case failed
  }

  /// A lineage of which nothing was deployed yet.
  package init() {}

  /// How far the deployment of a certificate has come.
  package func progress(of fingerprint: String) -> Progress {
    if failure?.certificate == fingerprint { return .failed }
    return certificate == fingerprint ? .deployed : .notDeployed
  }

  /// Notes a success.
  package mutating func noteSuccess(of fingerprint: String, now: Date) {
    certificate = fingerprint
    date = now
    failure = nil
  }

  /// Notes a failure.
  package mutating func noteFailure(of fingerprint: String, _ message: String, now: Date) {
    let earlier = failure?.certificate == fingerprint ? failure?.count ?? 0 : 0
    failure = Failure(certificate: fingerprint, date: now, count: earlier + 1, message: message)
  }
}
