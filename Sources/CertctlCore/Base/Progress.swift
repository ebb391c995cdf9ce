/// The current step, for a person who waits.
package enum Progress: Sendable {
  /// Waiting for another process.
  case waiting(String)
  /// Ordering a certificate for a number of names from a CA.
  case ordering(String, names: Int)
  /// Resuming an order of an earlier run at a CA.
  case resuming(String)
  /// Presenting a number of challenges of one type.
  case presenting(String, count: Int)
  /// Waiting until all name servers have a number of records.
  case propagating(Int)
  /// Waiting a number of seconds until cached records of an earlier validation expire.
  case forgetting(Int)
  /// Waiting for the CA's validation.
  case validating
  /// Generating a key and sending the CSR.
  case finalizing
  /// Downloading the certificate.
  case downloading
  /// Writing the certificate to the disk.
  case storing
  /// Reloading a server.
  case reloading(String)
  /// Running the hook at a path.
  case running(hook: String)

  /// The text of the step.
  package var text: String {
    switch self {
    case .waiting(let what): "waiting for \(what)"
    case .ordering(let authority, let names):
      "ordering a certificate for \(names == 1 ? "one name" : "\(names) names") from \(authority)"
    case .resuming(let authority): "resuming the order at \(authority)"
    case .presenting(let type, let count):
      "presenting \(count == 1 ? "one \(type) challenge" : "\(count) \(type) challenges")"
    case .propagating(let count):
      "waiting for \(count == 1 ? "the record" : "\(count) records") to reach all name servers"
    case .forgetting(let seconds):
      "waiting \(seconds) s until cached records of an earlier validation expire"
    case .validating: "waiting for the CA to validate"
    case .finalizing: "generating a key and sending the CSR"
    case .downloading: "downloading the certificate"
    case .storing: "storing the certificate"
    case .reloading(let server): "reloading \(server)"
    case .running(let hook): "running hook \(hook)"
    }
  }
}
