package import FoundationEssentials

/// The state of deploying a lineage's certificates to servers.
///
/// It identifies certificates by their SHA-256 fingerprints in hexadecimal. A certificate with
/// another fingerprint, as after a rollback or a crash, counts as not deployed.
package struct Deployment: Codable, Sendable, Equatable {
  /// The last certificate that was deployed successfully.
  package var certificate: String?
  /// The time of that deployment.
  package var date: Date?
  /// The failed attempts since then.
  package var failure: Failure?

  /// A failed deployment.
  package struct Failure: Codable, Sendable, Equatable {
    /// The certificate that could not be deployed.
    package var certificate: String
    /// When the last attempt failed.
    package var date: Date
    /// The number of failed attempts in a row.
    package var count: Int
    /// The error message.
    package var message: String
  }

  /// The deployment state of one certificate.
  package enum Progress: String, CaseIterable, Sendable, Encodable {
    /// No attempt was made yet.
    case notDeployed
    /// Every server that has to use it does.
    case deployed
    /// The last attempt failed; the next run retries.
    case failed
  }

  /// Creates the state of a lineage with nothing deployed yet.
  package init() {}

  /// Returns the deployment state of a certificate.
  package func progress(of fingerprint: String) -> Progress {
    if failure?.certificate == fingerprint { return .failed }
    return certificate == fingerprint ? .deployed : .notDeployed
  }

  /// Records a success.
  package mutating func noteSuccess(of fingerprint: String, now: Date) {
    certificate = fingerprint
    date = now
    failure = nil
  }

  /// Records a failure.
  package mutating func noteFailure(of fingerprint: String, _ message: String, now: Date) {
    let earlier = failure?.certificate == fingerprint ? failure?.count ?? 0 : 0
    failure = Failure(certificate: fingerprint, date: now, count: earlier + 1, message: message)
  }
}
