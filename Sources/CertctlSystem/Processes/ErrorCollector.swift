internal import Glibc
internal import Synchronization

/// Takes what a program writes to its standard error out of a pipe, so that it never has to wait.
final class ErrorCollector: Sendable {
  private let descriptor: Int32
  private let limit: Int
  private let isOver = Atomic(false)

  /// Takes the reading end of a pipe over.
  init(reading descriptor: Int32, limit: Int) {
    self.descriptor = descriptor
    self.limit = limit
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  deinit { close(descriptor) }

  /// Says that the program has ended: what comes later, from a child that it left, is not waited for.
  func finish() { isOver.store(true, ordering: .releasing) }

  /// All that was written until the end of the pipe or of the program.
  func text() async -> String {
    var output = CappedOutput(limit: limit)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // Looked at before reading: nothing that the program itself wrote is missed.
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
