internal import CCurl
internal import CertctlBase
internal import Synchronization

/// The state that a client and its thread share: the inbox, and the multi handle to wake the
/// thread.
final class CurlEngine: Sendable {
  enum Command: Sendable {
    case start(Transfer)
    case cancel(Transfer)
  }

  private struct Inbox: Sendable {
    var commands: [Command] = []
    var isClosed = false
    /// The address of the thread's multi handle, or 0 if there is no thread.
    ///
    /// It is a number because a pointer is not Sendable. Under this lock it is only passed to
    /// `curl_multi_wakeup`, the only function that curl allows from other threads.
    var multi: UInt = 0
  }

  private let configuration: CurlHTTPClient.Configuration
  private let inbox = Mutex(Inbox())

  init(_ configuration: CurlHTTPClient.Configuration) {
    self.configuration = configuration
  }

  /// Performs one transfer; also returns the absolute URL of a redirect.
  func perform(_ request: HTTPRequest) async throws -> (HTTPResponse, redirect: String?) {
    let transfer = try Transfer(request, configuration)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        transfer.begin(continuation)
        do { try post(.start(transfer)) } catch { transfer.finish(.failure(error)) }
      }
    } onCancel: {
      // Mark it first: if the thread has not seen the transfer yet, it will not start it.
      transfer.cancel()
      try? post(.cancel(transfer))
    }
  }

  /// Ends the thread; later requests fail.
  func close() {
    inbox.withLock { inbox in
      inbox.isClosed = true
      wake(inbox)
    }
  }

  /// Takes the new commands; nil when the thread must end.
  func take() -> [Command]? {
    inbox.withLock { inbox in
      // `leave` returns the commands that remain when the client closes.
      guard !inbox.isClosed else { return nil }
      defer { inbox.commands = [] }
      return inbox.commands
    }
  }

  /// Takes the remaining commands, which must be failed; nobody wakes the thread any more.
  func leave() -> [Command] {
    inbox.withLock { inbox in
      inbox.multi = 0
      defer { inbox.commands = [] }
      return inbox.commands
    }
  }

  private func post(_ command: Command) throws(HostError) {
    let curl = try Curl.shared.get()
    try inbox.withLock { inbox throws(HostError) in
      guard !inbox.isClosed else {
        throw HostError(.closed, operation: "send a request", detail: "the client is closed")
      }
      inbox.commands.append(command)
      if inbox.multi == 0 {
        do throws(HostError) {
          inbox.multi = try start(curl)
        } catch {
          inbox.commands.removeLast()
          throw error
        }
      }
      wake(inbox)
    }
  }

  private func wake(_ inbox: Inbox) {
    guard let multi = unsafe UnsafeMutableRawPointer(bitPattern: inbox.multi),
      case .success(let curl) = Curl.shared
    else { return }
    _ = unsafe curl.table.pointee.multi_wakeup(multi)
  }

  /// Starts the thread, which owns the multi handle; returns the handle's address.
  private func start(_ curl: Curl) throws(HostError) -> UInt {
    guard let multi = unsafe curl.table.pointee.multi_init() else {
      throw HostError(.io, operation: "start the HTTP client", detail: "out of memory")
    }
    let address = UInt(bitPattern: multi)
    let isRunning = Thread.start { [configuration] in
      guard let multi = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return }
      let loop = unsafe CurlLoop(self, curl, multi, configuration)
      loop.run()
    }
    guard isRunning else {
      _ = unsafe curl.table.pointee.multi_cleanup(multi)
      throw HostError(.io, operation: "start the HTTP client", detail: "cannot create a thread")
    }
    return address
  }
}
