internal import Glibc

/// The process's standard streams.
package enum Terminal {
  /// A standard stream.
  package enum Stream: Int32, Sendable {
    /// Descriptor 0.
    case standardInput = 0
    /// Descriptor 1.
    case standardOutput = 1
    /// Descriptor 2.
    case standardError = 2
  }

  /// Opens /dev/null for each standard stream that the process was started without (`2>&-`).
  ///
  /// Otherwise the next opened file, such as a key, gets that number, and output to the stream goes
  /// into that file. Must be called before any file is opened.
  package static func openMissing() {
    for stream in [Stream.standardInput, .standardOutput, .standardError]
    where fcntl(stream.rawValue, F_GETFD) == -1 {
      // open() takes the lowest free number, which is this one.
      _ = unsafe open("/dev/null", O_RDWR)
    }
  }

  /// Returns whether a stream is a terminal.
  package static func isTerminal(_ stream: Stream) -> Bool { isatty(stream.rawValue) == 1 }

  /// Returns whether a stream goes to the systemd journal, which expects a level before each line.
  ///
  /// A process with a redirected stream still inherits the variable, so device and inode must match
  /// (systemd.exec(5), `JOURNAL_STREAM`).
  ///
  /// - Parameters:
  ///   - stream: The stream.
  ///   - announced: The value of `JOURNAL_STREAM`: device and inode in decimal, separated by a
  ///     colon.
  /// - Returns: Whether the stream goes to the journal.
  package static func isJournal(
    _ stream: Stream, announced: String? = variable("JOURNAL_STREAM")
  ) -> Bool {
    guard let announced else { return false }
    var status = stat()
    guard unsafe fstat(stream.rawValue, &status) == 0 else { return false }
    return announced == "\(status.st_dev):\(status.st_ino)"
  }

  /// Returns an environment variable; nil if it is unset or empty.
  ///
  /// Cheaper than a dictionary of all variables.
  package static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
  }

  /// Returns the width in columns, from `COLUMNS` or the terminal; nil if both are unknown.
  package static func width(
    of stream: Stream, columns: String? = variable("COLUMNS")
  ) -> Int? {
    if let columns, let width = Int(columns), width > 0 { return width }
    var size = winsize()
    guard unsafe ioctl(stream.rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return nil
    }
    return Int(size.ws_col)
  }

  /// Reads a line from standard input, without its line break.
  ///
  /// - Returns: The line; nil at the end of the input, and when the task is cancelled, so that
  ///   Ctrl-C ends a prompt at once.
  package static func readLine() async -> String? {
    var line: [UInt8] = []
    while !Task.isCancelled {
      guard let byte = await nextByte() else { return line.isEmpty ? nil : text(line) }
      if byte == UInt8(ascii: "\n") { return text(line) }
      line.append(byte)
    }
    return nil
  }

  private static func text(_ line: [UInt8]) -> String { String(decoding: line, as: UTF8.self) }

  /// Returns the next byte of standard input; nil at its end and when the task is cancelled.
  private static func nextByte() async -> UInt8? {
    let input = Stream.standardInput.rawValue
    while !Task.isCancelled {
      var wait = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
      // Poll, because a blocking read could not be cancelled.
      guard unsafe poll(&wait, 1, 0) > 0 else {
        try? await Task.sleep(for: .milliseconds(30))
        continue
      }
      var byte: UInt8 = 0
      return unsafe read(input, &byte, 1) == 1 ? byte : nil
    }
    return nil
  }

  /// Writes text unbuffered, completely unless the reader has gone.
  package static func write(_ text: String, to stream: Stream) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.write(stream.rawValue, $0.baseAddress, $0.count)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Ends the process without running the exit handlers of libraries.
  ///
  /// Threads of libcurl and NIO may still be closing connections while OpenSSL's exit handler frees
  /// its data.
  package static func endProcess(_ code: Int32) -> Never {
    fflush(nil)
    _exit(code)
  }
}
