internal import CCurl
internal import CertctlBase

/// The thread of a client, which owns the multi handle and all easy handles.
///
/// Each server has a lane. Until a server has used HTTP/2, its lane allows one transfer at a time;
/// then many share the connection. curl could queue transfers itself, but it counts the waiting
/// time as connecting time, and its queue has been observed to stall.
@safe
final class CurlLoop {
  private struct Lane {
    var isMultiplexed = false
    var active = 0
    var waiting: [Transfer] = []
  }

  /// The maximum number of streams on an HTTP/2 connection.
  private static let streams = 64

  private let engine: CurlEngine
  private let curl: Curl
  private let multi: UnsafeMutableRawPointer
  private let configuration: CurlHTTPClient.Configuration
  private var active: [UnsafeMutableRawPointer: EasyHandle] = unsafe [:]
  private var lanes: [Origin: Lane] = [:]

  init(
    _ engine: CurlEngine, _ curl: Curl, _ multi: UnsafeMutableRawPointer,
    _ configuration: CurlHTTPClient.Configuration
  ) {
    self.engine = engine
    self.curl = curl
    unsafe self.multi = unsafe multi
    self.configuration = configuration
  }

  /// Runs until the client is closed.
  func run() {
    _ = unsafe certctl_curl_multi_set_long(curl.table, multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1)
    _ = unsafe certctl_curl_multi_set_long(
      curl.table, multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    while let commands = engine.take() {
      for command in commands {
        switch command {
        case .start(let transfer): admit(transfer)
        case .cancel(let transfer): remove(transfer)
        }
      }
      var running: Int32 = 0
      _ = unsafe curl.table.pointee.multi_perform(multi, &running)
      // A finished transfer may have let others start, which must be performed before the wait.
      if collect() { continue }
      _ = unsafe curl.table.pointee.multi_poll(multi, nil, 0, active.isEmpty ? 60_000 : 1_000, nil)
    }
    end()
  }

  private func admit(_ transfer: Transfer) {
    guard !transfer.isCancelled else { return transfer.finish(.failure(CancellationError())) }
    lanes[transfer.origin, default: Lane()].waiting.append(transfer)
    advance(transfer.origin)
  }

  /// Starts the transfers that the lane allows.
  private func advance(_ origin: Origin) {
    while var lane = lanes[origin], !lane.waiting.isEmpty,
      lane.active < (lane.isMultiplexed ? Self.streams : 1)
    {
      let transfer = lane.waiting.removeFirst()
      lane.active += 1
      lanes[origin] = lane
      start(transfer)
    }
  }

  private func start(_ transfer: Transfer) {
    do throws(HostError) {
      let easy = try EasyHandle(curl, transfer, configuration)
      let result = unsafe curl.table.pointee.multi_add_handle(multi, easy.handle)
      guard result == CURLM_OK else {
        throw HostError(.io, operation: "send a request to", subject: transfer.request.url)
      }
      unsafe active[easy.handle] = easy
    } catch {
      lanes[transfer.origin]?.active -= 1
      transfer.finish(.failure(error))
    }
  }

  /// Removes a cancelled transfer, whether waiting or active.
  private func remove(_ transfer: Transfer) {
    lanes[transfer.origin]?.waiting.removeAll { $0 === transfer }
    if let easy = unsafe active.values.first(where: { $0.transfer === transfer }) {
      forget(easy)
      advance(transfer.origin)
    }
    transfer.finish(.failure(CancellationError()))
  }

  /// Delivers finished transfers; returns whether there were any.
  private func collect() -> Bool {
    var found = false
    var left: Int32 = 0
    while let message = unsafe curl.table.pointee.multi_info_read(multi, &left) {
      guard unsafe message.pointee.msg == CURLMSG_DONE,
        let handle = unsafe message.pointee.easy_handle,
        let easy = unsafe active[handle]
      else { continue }
      // Removing the handle frees the message.
      let result = unsafe certctl_curl_message_result(message)
      let answer = easy.answer(result)
      if case .success = answer {
        lanes[easy.transfer.origin]?.isMultiplexed = easy.isMultiplexed
      }
      forget(easy)
      easy.transfer.finish(answer.mapError { $0 })
      advance(easy.transfer.origin)
      found = true
    }
    return found
  }

  private func forget(_ easy: EasyHandle) {
    _ = unsafe curl.table.pointee.multi_remove_handle(multi, easy.handle)
    unsafe active[easy.handle] = nil
    lanes[easy.transfer.origin]?.active -= 1
  }

  private func end() {
    let closed = HostError(.closed, operation: "finish a request", detail: "the client was closed")
    for easy in unsafe Array(active.values) {
      forget(easy)
      easy.transfer.finish(.failure(closed))
    }
    for transfer in lanes.values.flatMap(\.waiting) { transfer.finish(.failure(closed)) }
    for command in engine.leave() {
      switch command {
      case .start(let transfer), .cancel(let transfer): transfer.finish(.failure(closed))
      }
    }
    _ = unsafe curl.table.pointee.multi_cleanup(multi)
  }
}
