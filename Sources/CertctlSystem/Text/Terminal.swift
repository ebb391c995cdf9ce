internal import Glibc

/// The process's standard streams.
package enum Terminal {
  /// One of the three streams that a process is started with.
  package enum Stream: Int32, Sendable {
    /// Descriptor 0.
    case standardInput = 0
    /// Descriptor 1.
    case standardOutput = 1
    /// Descriptor 2.
    case standardError = 2
  }

  /// Opens /dev/null for each stream that the process was started without (`2>&-`).
  ///
  /// Otherwise the next file to be opened, a key maybe, gets that number, and what is meant for the
  /// stream goes into that file. To be called before anything is opened.
  package static func openMissing() {
    for stream in [Stream.standardInput, .standardOutput, .standardError]
    where fcntl(stream.rawValue, F_GETFD) == -1 {
      // The lowest free number is taken, which is this one.
      _ = unsafe open("/dev/null", O_RDWR)
    }
  }

  /// Whether a person may be at the other end.
  package static func isTerminal(_ stream: Stream) -> Bool { isatty(stream.rawValue) == 1 }

  /// Whether a stream goes to the journal of systemd, which wants a level before each line.
  ///
  /// A process that was started with another stream inherits the variable all the same, so device
  /// and inode decide (systemd.exec(5), `JOURNAL_STREAM`).
  ///
  /// - Parameters:
  ///   - stream: The stream in question.
  ///   - announced: `JOURNAL_STREAM`: device and inode in decimal, with a colon between.
  /// - Returns: Whether it does.
  package static func isJournal(
    _ stream: Stream, announced: String? = variable("JOURNAL_STREAM")
  ) -> Bool {
    guard let announced else { return false }
    var status = stat()
    guard unsafe fstat(stream.rawValue, &status) == 0 else { return false }
    return announced == "\(status.st_dev):\(status.st_ino)"
  }

  /// A variable of the environment; nil when it is not set or empty.
  ///
  /// Cheaper than a dictionary of them all, where only one is asked for.
  package static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
  }

  /// The width in columns: what the user says by `COLUMNS`, else what the terminal says; nil when
  /// neither is known.
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
  /// - Returns: nil at the end of the input, and when the task is cancelled meanwhile: a person who
  ///   presses Ctrl-C at a question must not have to answer it first.
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

  /// The next byte of standard input; nil at its end and when the task is cancelled.
  private static func nextByte() async -> UInt8? {
    let input = Stream.standardInput.rawValue
    while !Task.isCancelled {
      var wait = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
      // Looked at again and again: a read that waits could not be called off.
      guard unsafe poll(&wait, 1, 0) > 0 else {
        try? await Task.sleep(for: .milliseconds(30))
        continue
      }
      var byte: UInt8 = 0
      return unsafe read(input, &byte, 1) == 1 ? byte : nil
    }
    return nil
  }

  /// Writes text unbuffered, whole or until the reader has gone.
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

  /// Ends the process, without what libraries have registered to run at its end.
  ///
  /// Threads of libcurl and NIO may still be closing connections, and must not find that OpenSSL
  /// has been taken away under them.
  package static func endProcess(_ code: Int32) -> Never {
    fflush(nil)
    _exit(code)
  }
}
