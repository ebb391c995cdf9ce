internal import Glibc
internal import Synchronization

/// Collects a program's standard error from a pipe, so that the program never has to wait.
final class ErrorCollector: Sendable {
  private let descriptor: Int32
  private let limit: Int
  private let isOver = Atomic(false)

  /// Takes ownership of the read end of a pipe.
  init(reading descriptor: Int32, limit: Int) {
    self.descriptor = descriptor
    self.limit = limit
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  deinit { close(descriptor) }

  /// Marks the program as ended; later output of a child that it left is not waited for.
  func finish() { isOver.store(true, ordering: .releasing) }

  /// Returns everything that was written until the end of the pipe or the program.
  func text() async -> String {
    var output = CappedOutput(limit: limit)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // Check before reading, so that no output of the program itself is missed.
      let wasOver = isOver.load(ordering: .acquiring)
      let count = unsafe chunk.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      }
      let number = errno
      if count > 0 {
        output.append(Array(chunk[..<count]))
      } else if count == 0 || (number != EINTR && number != EAGAIN) || (number == EAGAIN && wasOver)
      {
        return output.text
      } else {
        try? await Task.sleep(for: .milliseconds(2))
      }
    }
  }
}
