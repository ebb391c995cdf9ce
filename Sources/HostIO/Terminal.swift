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

  /// The width in columns; nil when it is not known.
  package static func width(of stream: Stream) -> Int? {
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
