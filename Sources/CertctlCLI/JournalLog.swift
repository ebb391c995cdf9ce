import CertctlSystem
import Logging

/// How much a line of the journal matters: the levels of sd-daemon(3) and syslog(3).
enum JournalLevel: Int, Sendable {
  case critical = 2
  case error = 3
  case warning = 4
  case notice = 5
  case info = 6
  case debug = 7

  /// The level of a log event.
  init(_ level: Logger.Level) {
    self =
      switch level {
      case .trace, .debug: .debug
      case .info: .info
      case .notice: .notice
      case .warning: .warning
      case .error: .error
      case .critical: .critical
      }
  }

  /// Lines as journald reads them from a stream: the level before each.
  ///
  /// A line without one would get the default level. Empty ones, which journald drops, are left out.
  func lines(_ lines: [String]) -> String {
    lines.filter { !$0.isEmpty }.map { "<\(rawValue)>\(Talk.safe($0))\n" }.joined()
  }
}

/// Writes the log to stderr as the journal of systemd wants it: a level before each line, and
/// neither time nor program, which the journal adds itself.
struct JournalLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  private let write: @Sendable (String) -> Void

  /// Makes a handler.
  ///
  /// - Parameter write: Takes one event's lines, in one piece: events of tasks side by side must
  ///   not mix.
  init(
    write: @escaping @Sendable (String) -> Void = { Screen.standard.print($0, to: .standardError) }
  ) {
    self.write = write
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var facts = metadata
    facts.merge(metadataProvider?.get() ?? [:]) { $1 }
    facts.merge(event.metadata ?? [:]) { $1 }
    if let error = event.error { facts["error"] = "\(error)" }
    let words = facts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let text = ([event.message.description] + words).joined(separator: " ")
    write(JournalLevel(event.level).lines([text]))
  }
}

/// The stream of the log on a terminal: each event is one line, whatever strangers wrote into it.
struct LogStream: TextOutputStream, Sendable {
  private let put: @Sendable (String) -> Void

  /// Makes a stream.
  ///
  /// - Parameter put: Takes one event's line with its line break.
  init(
    put: @escaping @Sendable (String) -> Void = { Screen.standard.print($0, to: .standardError) }
  ) {
    self.put = put
  }

  /// Writes an event, which ends with a line break.
  mutating func write(_ event: String) {
    // By scalars: "\r\n" is one character.
    var scalars = event.unicodeScalars
    if scalars.last == "\n" { scalars.removeLast() }
    put(Talk.safe(String(scalars)) + "\n")
  }
}
