internal import ACME
internal import CertctlBase
internal import CertctlCrypto
internal import FoundationEssentials
internal import Synchronization

extension FakeCA {
  func newOrder(_ message: FakeJWS, _ state: inout FakeCAState) throws -> HTTPResponse {
    let identifiers = Self.identifiers(message.payload["identifiers"])
    guard !identifiers.isEmpty else { throw Refusal(.malformed, "no identifiers") }
    try Self.refuseNames(identifiers)
    let profile = message.payload["profile"].string
    if let profile, state.settings.profiles[profile] == nil {
      throw Refusal(.invalidProfile, "no profile \(profile)")
    }
    let replaces = message.payload["replaces"].string
    if let replaces {
      guard !state.replaced.contains(replaces) else {
        throw Refusal(.alreadyReplaced, "replaced before", status: 409)
      }
      state.replaced.insert(replaces)
    }
    let account = message.account ?? ""
    let time = { (name: String) in
      message.payload[name].string.flatMap { try? Date($0, strategy: .iso8601) }
    }
    var order = FakeCAState.Order(
      id: state.nextID(), account: account, identifiers: identifiers, authorizations: [],
      profile: profile, replaces: replaces, notBefore: time("notBefore"),
      notAfter: time("notAfter"))
    for identifier in identifiers {
      order.authorizations.append(authorize(identifier, account, &state))
    }
    state.orders[order.id] = order
    state.look(at: order.id)
    let location = state.settings.base + "/order/" + order.id
    return orderAnswer(order.id, state, status: 201, location: location)
  }

  private static func identifiers(_ list: JSONValue) -> [Identifier] {
    list.array.compactMap { entry in
      guard let type = entry["type"].string, let value = entry["value"].string else { return nil }
      return Identifier(type: IdentifierType(rawValue: type), value: value)
    }
  }

  /// Refuses names under `.forbidden` with a subproblem each, as Let's Encrypt does.
  private static func refuseNames(_ identifiers: [Identifier]) throws {
    let bad = identifiers.filter { $0.value.hasSuffix(".forbidden") }
    guard !bad.isEmpty else { return }
    throw Refusal(
      .rejectedIdentifier, "cannot issue for \(bad.count) names", status: 403,
      subproblems: bad.map {
        Problem(type: .rejectedIdentifier, detail: "policy forbids this name", identifier: $0)
      })
  }

  private func authorize(
    _ identifier: Identifier, _ account: String, _ state: inout FakeCAState
  ) -> String {
    let base = Identifier(type: identifier.type, value: identifier.baseDomain)
    if state.settings.reusesAuthorizations,
      let known = state.authorizations.values.first(where: {
        $0.account == account && $0.identifier == base && $0.isWildcard == identifier.isWildcard
          && $0.status == "valid"
      })
    {
      return known.id
    }
    let types =
      identifier.isWildcard
      ? state.settings.wildcardChallengeTypes : state.settings.challengeTypes
    let id = state.nextID()
    state.authorizations[id] = FakeCAState.Authorization(
      id: id, account: account, identifier: base, isWildcard: identifier.isWildcard,
      challenges: types.map { type in
        .init(type: type, token: "token-" + id + "-" + Base64URL.encode(type))
      })
    return id
  }

  func newAuthz(_ message: FakeJWS, _ state: inout FakeCAState) throws -> HTTPResponse {
    guard let identifier = Self.identifiers([message.payload["identifier"]]).first else {
      throw Refusal(.malformed, "no identifier")
    }
    let id = authorize(identifier, message.account ?? "", &state)
    var response = authorizationAnswer(id, state)
    response.status = 201
    response.headers.append(
      HTTPField(name: "Location", value: state.settings.base + "/authz/" + id))
    return response
  }

  func order(
    _ message: FakeJWS, _ route: FakeRoute, _ state: inout FakeCAState
  ) throws -> HTTPResponse {
    try message.requirePostAsGet()
    guard state.orders[route.id]?.account == message.account else {
      throw Refusal(.malformed, "no such order", status: 404)
    }
    state.look(at: route.id)
    return orderAnswer(route.id, state, status: 200)
  }

  private func orderAnswer(
    _ id: String, _ state: FakeCAState, status: Int, location: String? = nil
  ) -> HTTPResponse {
    guard let order = state.orders[id] else { return HTTPResponse(status: 404) }
    let base = state.settings.base
    var body: JSONValue = [
      "status": .string(order.status),
      "expires": .string(now().addingTimeInterval(7 * 86400).ISO8601Format()),
      "identifiers": .array(
        order.identifiers.map {
          ["type": .string($0.type.rawValue), "value": .string($0.value)]
        }),
      "authorizations": .array(order.authorizations.map { .string(base + "/authz/" + $0) }),
      "finalize": .string(base + "/finalize/" + id),
    ]
    if order.status == "valid", let certificate = order.certificate {
      body["certificate"] = .string(base + "/cert/" + certificate)
    }
    if let profile = order.profile { body["profile"] = .string(profile) }
    if let replaces = order.replaces { body["replaces"] = .string(replaces) }
    if let error = order.error { body["error"] = Self.json(error) }
    var response = Self.answer(status, body)
    if let location { response.headers.append(HTTPField(name: "Location", value: location)) }
    if let retry = state.settings.retryAfter, ["pending", "processing"].contains(order.status) {
      response.headers.append(HTTPField(name: "Retry-After", value: retry))
    }
    return response
  }

  func authorization(
    _ message: FakeJWS, _ route: FakeRoute, _ state: inout FakeCAState
  ) throws -> HTTPResponse {
    guard state.authorizations[route.id]?.account == message.account else {
      throw Refusal(.malformed, "no such authorization", status: 404)
    }
    if message.payload["status"].string == "deactivated" {
      let current = state.authorizations[route.id]?.status ?? ""
      guard ["pending", "valid"].contains(current) else {
        throw Refusal(.malformed, "the authorization is \(current)")
      }
      state.authorizations[route.id]?.status = "deactivated"
    } else {
      state.authorizations[route.id]?.look()
    }
    return authorizationAnswer(route.id, state)
  }

  private func authorizationAnswer(_ id: String, _ state: FakeCAState) -> HTTPResponse {
    guard let entry = state.authorizations[id] else { return HTTPResponse(status: 404) }
    var body: JSONValue = [
      "identifier": [
        "type": .string(entry.identifier.type.rawValue), "value": .string(entry.identifier.value),
      ],
      "status": .string(entry.status),
      "expires": .string(now().addingTimeInterval(7 * 86400).ISO8601Format()),
      "challenges": .array(
        entry.challenges.indices.map { challengeJSON(entry, $0, state.settings.base) }),
    ]
    if entry.isWildcard { body["wildcard"] = true }
    return Self.answer(200, body)
  }

  private func challengeJSON(
    _ entry: FakeCAState.Authorization, _ index: Int, _ base: String
  ) -> JSONValue {
    let challenge = entry.challenges[index]
    var body: JSONValue = [
      "type": .string(challenge.type), "status": .string(challenge.status),
      "url": .string(base + "/chall/" + entry.id + "/" + String(index)),
    ]
    if challenge.type == "dns-persist-01" {
      body["issuer-domain-names"] = ["ca.test"]
      body["accounturi"] = .string(entry.account)
    } else {
      body["token"] = .string(challenge.token)
    }
    if let error = challenge.error { body["error"] = Self.json(error) }
    return body
  }

  func challenge(
    _ message: FakeJWS, _ route: FakeRoute, _ state: inout FakeCAState
  ) throws -> HTTPResponse {
    guard let entry = state.authorizations[route.id], let index = Int(route.part),
      entry.challenges.indices.contains(index), entry.account == message.account
    else { throw Refusal(.malformed, "no such challenge", status: 404) }
    if !message.isPostAsGet {
      guard entry.status == "pending" else {
        throw Refusal(.malformed, "the authorization is \(entry.status)")
      }
      guard entry.challenges[index].status == "pending" else {
        throw Refusal(.conflict, "the challenge is under validation", status: 409)
      }
      state.authorizations[route.id]?.challenges[index].status = "processing"
    }
    let up = state.settings.base + "/authz/" + route.id
    return Self.answer(
      200, challengeJSON(state.authorizations[route.id] ?? entry, index, state.settings.base),
      [HTTPField(name: "Link", value: "<\(up)>;rel=\"up\"")])
  }

  /// Validates a challenge to which the client has just responded.
  func judge(_ route: FakeRoute) async {
    guard let index = Int(route.part) else { return }
    let found = state.withLock { state -> (Attempt, Settings)? in
      guard let entry = state.authorizations[route.id], entry.verdict == nil,
        entry.challenges.indices.contains(index),
        entry.challenges[index].status == "processing",
        let key = state.accounts[entry.account]?.key, let print = try? key.thumbprint
      else { return nil }
      let challenge = entry.challenges[index]
      return (
        Attempt(
          name: entry.name, type: challenge.type, token: challenge.token,
          keyAuthorization: challenge.token + "." + print), state.settings
      )
    }
    guard let (attempt, settings) = found else { return }
    let problem = await settings.validate?(attempt)
    state.withLock {
      $0.authorizations[route.id]?.verdict = (index, problem)
      $0.authorizations[route.id]?.looksLeft = settings.validationLooks
    }
  }

  func finalize(
    _ message: FakeJWS, _ route: FakeRoute, _ state: inout FakeCAState
  ) throws -> HTTPResponse {
    guard let order = state.orders[route.id], order.account == message.account else {
      throw Refusal(.malformed, "no such order", status: 404)
    }
    guard order.status == "ready" else {
      throw Refusal(.orderNotReady, "the order is \(order.status)", status: 403)
    }
    guard let der = message.payload["csr"].string.flatMap({ Base64URL.decode($0) }),
      let request = try? CertificateRequest(der: der)
    else { throw Refusal(.badCSR, "the CSR cannot be read") }
    let wanted = Set(order.identifiers.map(\.value))
    guard Set(request.dnsNames + request.ipAddresses) == wanted else {
      throw Refusal(.badCSR, "the CSR's names are not the order's")
    }
    guard request.publicKey != message.key else {
      throw Refusal(.badCSR, "the CSR's key is the account's")
    }
    let from = order.notBefore ?? now().addingTimeInterval(-3600)
    let leaf = try authority.leaf(
      for: request.publicKey, dnsNames: request.dnsNames, ipAddresses: request.ipAddresses,
      notBefore: from, notAfter: order.notAfter ?? from.addingTimeInterval(state.settings.lifetime))
    let id = state.nextID()
    state.certificates[id] = [[leaf, authority.intermediate], [leaf, authority.crossSigned]]
    state.orders[route.id]?.certificate = id
    state.orders[route.id]?.status = state.settings.issuesAtOnce ? "valid" : "processing"
    state.orders[route.id]?.looksLeft = state.settings.issuanceLooks
    return orderAnswer(route.id, state, status: 200)
  }

  func certificate(
    _ message: FakeJWS, _ route: FakeRoute, _ state: inout FakeCAState
  ) throws -> HTTPResponse {
    try message.requirePostAsGet()
    let chain = Int(route.part) ?? 0
    guard let chains = state.certificates[route.id], chains.indices.contains(chain) else {
      throw Refusal(.malformed, "no such certificate", status: 404)
    }
    var headers = [
      HTTPField(name: "Content-Type", value: "application/pem-certificate-chain"),
      HTTPField(name: "Link", value: "<\(state.settings.base)/dir>;rel=\"index\""),
    ]
    if state.settings.hasAlternateChain {
      // Relative on purpose: clients must resolve it.
      headers.append(
        HTTPField(name: "Link", value: "</cert/\(route.id)/\(1 - chain)>;rel=\"alternate\""))
    }
    return HTTPResponse(status: 200, headers: headers, body: chains[chain].flatMap(\.pem))
  }
}
