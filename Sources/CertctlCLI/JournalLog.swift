import CertctlSystem
import Logging

/// The level of a line in the journal (sd-daemon(3), syslog(3)).
enum JournalLevel: Int, Sendable {
  case critical = 2
  case error = 3
  case warning = 4
  case notice = 5
  case info = 6
  case debug = 7

  /// Creates the journal level of a log event.
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

  /// Returns lines in the format that journald reads from a stream: each begins with the level.
  ///
  /// A line without a level would get the default level. Empty lines are left out, because journald
  /// drops them.
  func lines(_ lines: [String]) -> String {
    lines.filter { !$0.isEmpty }.map { "<\(rawValue)>\(Talk.safe($0))\n" }.joined()
  }
}

/// The log handler for the systemd journal, which writes to stderr.
///
/// Each line begins with its level. The journal adds the time and the program's name.
struct JournalLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  private let write: @Sendable (String) -> Void

  /// Creates a handler.
  ///
  /// - Parameter write: Writes all lines of an event in one call, so that concurrent events do not
  ///   mix.
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

/// The log stream for a terminal: one escaped line per event.
struct LogStream: TextOutputStream, Sendable {
  private let put: @Sendable (String) -> Void

  /// Creates a stream.
  ///
  /// - Parameter put: Writes the line of an event, including its line break.
  init(
    put: @escaping @Sendable (String) -> Void = { Screen.standard.print($0, to: .standardError) }
  ) {
    self.put = put
  }

  /// Writes an event, which ends with a line break.
  mutating func write(_ event: String) {
    // Compare scalars: "\r\n" is a single character.
    var scalars = event.unicodeScalars
    if scalars.last == "\n" { scalars.removeLast() }
    put(Talk.safe(String(scalars)) + "\n")
  }
}
