package import CertctlBase
internal import FoundationEssentials
internal import Synchronization

/// A fake vendor API that accepts exactly the requests of a fixture, in order.
package final class ScriptedVendor: HTTPClient {
  private struct State {
    var next = 0
    var complaints: [String] = []
  }

  private let exchanges: [DNSProviderFixture.Exchange]
  private let state = Mutex(State())

  /// Creates a vendor.
  ///
  /// - Parameter exchanges: The expected requests and their responses.
  package init(_ exchanges: [DNSProviderFixture.Exchange]) { self.exchanges = exchanges }

  /// The unexpected, wrong or missing requests.
  package var complaints: [String] {
    state.withLock { state in
      guard state.next < exchanges.count, state.complaints.isEmpty else { return state.complaints }
      let missing = exchanges[state.next].request
      return ["request \(state.next + 1) never came: \(missing.method) \(missing.url)"]
    }
  }

  /// Responds to the next request.
  ///
  /// - Throws: `HarnessError` for an unexpected request.
  package func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    guard number <= exchanges.count else {
      throw complain(["request \(number) is one more: \(request.method.rawValue) \(request.url)"])
    }
    let exchange = exchanges[number - 1]
    let wrong = Self.differences(exchange.request, request)
    guard wrong.isEmpty else { throw complain(wrong.map { "request \(number): \($0)" }) }
    return HTTPResponse(
      status: exchange.response.status,
      headers: (exchange.response.headers ?? [:]).map { HTTPField(name: $0.key, value: $0.value) },
      body: Self.bytes(exchange.response.body), url: request.url)
  }

  private func complain(_ wrong: [String]) -> HarnessError {
    state.withLock { $0.complaints += wrong }
    return HarnessError(wrong.joined(separator: "; "))
  }

  private static func bytes(_ body: JSONValue?) -> [UInt8] {
    switch body {
    case nil, .null: []
    case .string(let text): Array(text.utf8)
    case let body?: body.bytes
    }
  }

  private static func differences(
    _ wanted: DNSProviderFixture.Exchange.Request, _ got: HTTPRequest
  ) -> [String] {
    var wrong: [String] = []
    if wanted.method != got.method.rawValue {
      wrong.append("\(got.method.rawValue) instead of \(wanted.method) \(wanted.url)")
    }
    if wanted.url != got.url { wrong.append("URL \(got.url) instead of \(wanted.url)") }
    for (name, value) in wanted.headers ?? [:] {
      let found = got.headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
      if found != [value] { wrong.append("\(name): \(found) instead of \(value)") }
    }
    let body = got.body ?? []
    let text = String(decoding: body, as: UTF8.self)
    switch wanted.body {
    case nil, .null:
      if !body.isEmpty { wrong.append("a body: \(text)") }
    case .string(let expected):
      if text != expected { wrong.append("body \(text) instead of \(expected)") }
    case let expected?:
      if JSONValue(body) != expected {
        wrong.append("body \(text) instead of \(String(decoding: expected.bytes, as: UTF8.self))")
      }
    }
    return wrong
  }
}
