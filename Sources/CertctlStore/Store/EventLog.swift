import CertctlBase
import CertctlSystem
package import FoundationEssentials

/// An event: one line of `events.jsonl`.
///
/// It contains no secrets.
package struct Event: Encodable, Sendable {
  package let time: Date
  /// The kind of event: `issued`, `failed`, `revoked`, `deleted`, `rolledBack`, `account…`.
  package let event: String
  package var lineage: String?
  package var authority: String?
  package var names: [String]?
  package var generation: Int?
  package var notAfter: Date?
  package var message: String?

  package init(
    time: Date, event: String, lineage: String? = nil, authority: String? = nil,
    names: [String]? = nil, generation: Int? = nil, notAfter: Date? = nil, message: String? = nil
  ) {
    self.time = time
    self.event = event
    self.lineage = lineage
    self.authority = authority
    self.names = names
    self.generation = generation
    self.notAfter = notAfter
    self.message = message
  }
}

/// The history of a state directory: `events.jsonl`, one JSON object per line.
package struct EventLog: Sendable {
  /// The size in bytes at which the file is rotated.
  static let sizeLimit = 10 << 20

  package let state: StateDirectory

  package init(state: StateDirectory) {
    self.state = state
  }

  /// Appends an event.
  ///
  /// Write errors are ignored.
  package func append(_ event: Event) async {
    guard var line = try? [UInt8](StateCoding.encoder(pretty: false).encode(event)) else { return }
    line.append(UInt8(ascii: "\n"))
    let bytes = line
    try? await Blocking.run {
      try state.folder("").append(
        "events.jsonl", bytes, StateDirectory.closedFile, rotateAt: Self.sizeLimit)
    }
  }
}
