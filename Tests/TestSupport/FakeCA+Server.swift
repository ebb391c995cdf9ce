internal import ACME
public import CertctlBase
internal import CertctlCrypto
internal import FoundationEssentials
internal import Synchronization

/// The resource that a request's path names.
struct FakeRoute {
  var kind: FakeCA.Kind
  var id = ""
  var part = ""

  init(_ url: String, base: String) {
    let path = url.hasPrefix(base) ? String(url.dropFirst(base.count)) : ""
    let parts = path.split(separator: "/").map(String.init)
    let kinds: [String: FakeCA.Kind] = [
      "dir": .directory, "nonce": .newNonce, "new-acct": .newAccount, "acct": .account,
      "new-order": .newOrder, "new-authz": .newAuthz, "order": .order, "authz": .authorization,
      "chall": .challenge, "finalize": .finalize, "cert": .certificate, "revoke": .revokeCert,
      "key-change": .keyChange, "ari": .renewalInfo,
    ]
    kind = parts.first.flatMap { kinds[$0] } ?? .other
    if parts.count > 1 { id = parts[1] }
    if parts.count > 2 { part = parts[2] }
  }
}

/// An error that is returned to the client as a problem document.
struct Refusal: Error {
  var problem: Problem
  var status: Int
  var headers: [HTTPField] = []

  init(
    _ type: ProblemType, _ detail: String, status: Int = 400, headers: [HTTPField] = [],
    subproblems: [Problem] = []
  ) {
    problem = Problem(type: type, detail: detail, status: status, subproblems: subproblems)
    self.status = status
    self.headers = headers
  }
}

extension FakeCA {
  /// Responds to a request, or throws a connection error if a fault is due.
  public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    try Task.checkCancellation()
    let (route, fault) = note(request)
    var response: HTTPResponse?
    if fault == nil || fault?.isAfterProcessing == true {
      response = await process(request, route)
    }
    switch fault?.kind {
    case .host(let code, _):
      throw HostError(
        code, operation: "\(request.method.rawValue.lowercased())", subject: request.url,
        detail: "a fault of the test")
    case .answer(var answer, let givesNonce, _):
      answer.url = request.url
      if givesNonce { addNonce(&answer) }
      return answer
    case nil: break
    }
    return response ?? HTTPResponse(status: 500, url: request.url)
  }

  private func note(_ request: HTTPRequest) -> (FakeRoute, Fault?) {
    let parsed = request.body.flatMap { JSONValue($0) } ?? .null
    let decoded = { (name: String) -> JSONValue in
      parsed[name].string.flatMap { Base64URL.decode($0) }.flatMap { JSONValue($0) } ?? .null
    }
    let time = now()
    return state.withLock { state in
      let route = FakeRoute(request.url, base: state.settings.base)
      state.seen.append(
        Seen(
          kind: route.kind, method: request.method.rawValue, url: request.url,
          header: decoded("protected"), payload: decoded("payload"), time: time))
      return (route, state.takeFault(route.kind))
    }
  }

  private func addNonce(_ response: inout HTTPResponse) {
    response.headers.append(
      HTTPField(name: "Replay-Nonce", value: state.withLock { $0.nonce() }))
  }

  private func process(_ request: HTTPRequest, _ route: FakeRoute) async -> HTTPResponse {
    var response: HTTPResponse
    do {
      if request.method == .post {
        response = try state.withLock { state in try self.post(request, route, &state) }
        if route.kind == .challenge { await judge(route) }
      } else {
        response = try state.withLock { state in try self.get(request, route, &state) }
      }
    } catch let refusal as Refusal {
      response = Self.answer(refusal.status, Self.json(refusal.problem), refusal.headers)
      response.headers[0].value = "application/problem+json"
    } catch {
      response = Self.answer(500, ["type": "about:blank", "detail": .string("\(error)")])
    }
    response.url = request.url
    if request.method == .post || route.kind == .newNonce { addNonce(&response) }
    return response
  }

  private func get(
    _ request: HTTPRequest, _ route: FakeRoute, _ state: inout FakeCAState
  ) throws -> HTTPResponse {
    switch route.kind {
    case .directory: return bent(.directory, Self.answer(200, directory(state.settings)), state)
    case .newNonce: return HTTPResponse(status: 200)
    case .renewalInfo: return bent(.renewalInfo, try renewalInfo(route.id, state), state)
    default: throw Refusal(.malformed, "method not allowed", status: 405)
    }
  }

  private func post(
    _ request: HTTPRequest, _ route: FakeRoute, _ state: inout FakeCAState
  ) throws -> HTTPResponse {
    let message = try FakeJWS(request, &state)
    let response: HTTPResponse =
      switch route.kind {
      case .newAccount: try newAccount(message, &state)
      case .revokeCert: try revoke(message, &state)
      case .account: try account(message, route, &state)
      case .newOrder: try newOrder(message, &state)
      case .newAuthz: try newAuthz(message, &state)
      case .order: try order(message, route, &state)
      case .authorization: try authorization(message, route, &state)
      case .challenge: try challenge(message, route, &state)
      case .finalize: try finalize(message, route, &state)
      case .certificate: try certificate(message, route, &state)
      case .keyChange: try keyChange(message, &state)
      default: throw Refusal(.malformed, "no such resource", status: 404)
      }
    return bent(route.kind, response, state)
  }

  private func bent(
    _ kind: Kind, _ response: HTTPResponse, _ state: FakeCAState
  ) -> HTTPResponse {
    guard let bend = state.settings.bend, var body = JSONValue(response.body) else {
      return response
    }
    var copy = response
    bend(kind, &body)
    copy.body = body.bytes
    return copy
  }

  private func directory(_ settings: Settings) -> JSONValue {
    let base = settings.base
    var meta: JSONValue = ["website": "https://ca.test/about", "caaIdentities": ["ca.test"]]
    if let terms = settings.termsOfService { meta["termsOfService"] = .string(terms) }
    if settings.requiresExternalAccount { meta["externalAccountRequired"] = true }
    if !settings.profiles.isEmpty {
      meta["profiles"] = .object(settings.profiles.mapValues { .string($0) })
    }
    var directory: JSONValue = [
      "newNonce": .string(base + "/nonce"), "newAccount": .string(base + "/new-acct"),
      "newOrder": .string(base + "/new-order"), "meta": meta,
      "x7Fj2_random": "https://ca.test/not-a-resource",
    ]
    let paths = [
      "renewalInfo": "/ari", "keyChange": "/key-change", "revokeCert": "/revoke",
      "newAuthz": "/new-authz",
    ]
    for (name, path) in paths where settings.resources.contains(name) {
      directory[name] = .string(base + path)
    }
    return directory
  }

  private func renewalInfo(_ id: String, _ state: FakeCAState) throws -> HTTPResponse {
    guard let id = CertificateID(rawValue: id) else {
      throw Refusal(.malformed, "no such certificate", status: 404)
    }
    let known = state.certificates.values.compactMap { $0.first?.first }.first {
      CertificateID($0) == id
    }
    let window: (start: Date, end: Date)
    if let fixed = state.settings.renewalWindow {
      window = fixed
    } else if let known {
      let third = known.notAfter.timeIntervalSince(known.notBefore) / 3
      let start = known.notAfter.addingTimeInterval(-third)
      window = (start, start.addingTimeInterval(2 * 86400))
    } else {
      throw Refusal(.malformed, "no such certificate", status: 404)
    }
    var response = Self.answer(
      200,
      [
        "suggestedWindow": [
          "start": .string(window.start.ISO8601Format()),
          "end": .string(window.end.ISO8601Format()),
        ]
      ])
    if let retry = state.settings.renewalRetryAfter {
      response.headers.append(HTTPField(name: "Retry-After", value: retry))
    }
    return response
  }

  static func answer(
    _ status: Int, _ body: JSONValue, _ headers: [HTTPField] = []
  ) -> HTTPResponse {
    HTTPResponse(
      status: status,
      headers: [HTTPField(name: "Content-Type", value: "application/json")] + headers,
      body: body.bytes)
  }

  static func json(_ problem: Problem) -> JSONValue {
    (try? JSONEncoder().encode(problem)).flatMap { JSONValue([UInt8]($0)) } ?? .null
  }
}

extension Fault {
  var isAfterProcessing: Bool {
    switch kind {
    case .host(_, let after), .answer(_, _, let after): after
    }
  }
}
