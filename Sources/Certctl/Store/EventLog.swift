import CertctlBase
import FoundationEssentials
import HostIO

/// One thing that happened, as a line of `events.jsonl`.
///
/// It holds no secret.
struct Event: Encodable, Sendable {
  let time: Date
  /// What happened: `issued`, `failed`, `revoked`, `deleted`, `rolledBack`, `account…`.
  let event: String
  var lineage: String?
  var authority: String?
  var names: [String]?
  var generation: Int?
  var notAfter: Date?
  var message: String?
}

/// The history of a state directory: `events.jsonl`, one JSON object a line.
struct EventLog: Sendable {
  /// The size at which the file is moved aside, in bytes.
  static let sizeLimit = 10 << 20

  let state: StateDirectory

  /// Appends an event.
  ///
  /// A log that cannot be written stops nothing.
  func append(_ event: Event) async {
    guard var line = try? [UInt8](StateCoding.encoder(pretty: false).encode(event)) else { return }
    line.append(UInt8(ascii: "\n"))
    let bytes = line
    try? await Blocking.run {
      try state.folder("").append(
        "events.jsonl", bytes, StateDirectory.closedFile, rotateAt: Self.sizeLimit)
    }
  }
}
