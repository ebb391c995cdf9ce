/// What certctl is doing at the moment, for a person who waits.
package enum Progress: Sendable {
  /// It waits for another process.
  case waiting(String)
  /// It asks this CA for a certificate for so many names.
  case ordering(String, names: Int)
  /// It takes up an order of an earlier run.
  case resuming(String)
  /// It shows so many challenges of this type.
  case presenting(String, count: Int)
  /// It waits until so many records are at all name servers.
  case propagating(Int)
  /// It waits for so many seconds until a resolver has forgotten an earlier validation's records.
  case forgetting(Int)
  /// It waits for the CA's validation.
  case validating
  /// It makes a key and sends the request.
  case finalizing
  /// It fetches the certificate.
  case downloading
  /// It writes the certificate to the disk.
  case storing
  /// It makes this server load its configuration anew.
  case reloading(String)
  /// It runs the hook at this path.
  case running(hook: String)

  /// The step in words.
  package var text: String {
    switch self {
    case .waiting(let what): "waiting for \(what)"
    case .ordering(let authority, let names):
      "ordering a certificate for \(names == 1 ? "one name" : "\(names) names") from \(authority)"
    case .resuming(let authority): "taking up the order under way at \(authority)"
    case .presenting(let type, let count):
      "presenting \(count == 1 ? "one challenge" : "\(count) challenges") by \(type)"
    case .propagating(let count):
      "waiting for the name servers to have \(count == 1 ? "the record" : "\(count) records")"
    case .forgetting(let seconds):
      "waiting \(seconds) s: the CA may remember the records of an earlier validation"
    case .validating: "waiting for the CA to validate"
    case .finalizing: "making a key and sending the request"
    case .downloading: "fetching the certificate"
    case .storing: "storing the certificate"
    case .reloading(let server): "reloading \(server)"
    case .running(let hook): "running the hook \(hook)"
    }
  }
}
