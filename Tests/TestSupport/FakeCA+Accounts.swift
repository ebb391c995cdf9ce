internal import ACME
internal import CertctlBase
internal import CertctlCrypto
internal import FoundationEssentials

extension FakeCA {
  func newAccount(_ message: FakeJWS, _ state: inout FakeCAState) throws -> HTTPResponse {
    if let known = state.account(with: message.key) {
      guard known.status == "valid" else {
        throw Refusal(.unauthorized, "the account is \(known.status)", status: 403)
      }
      return accountAnswer(known, status: 200)
    }
    guard message.payload["onlyReturnExisting"].bool != true else {
      throw Refusal(.accountDoesNotExist, "no account for this key")
    }
    if let terms = state.settings.termsOfService,
      message.payload["termsOfServiceAgreed"].bool != true
    {
      throw Refusal(
        .userActionRequired, "agree to the terms", status: 403,
        headers: [HTTPField(name: "Link", value: "<\(terms)>;rel=\"terms-of-service\"")])
    }
    try checkBinding(message, state)
    let url = state.settings.base + "/acct/" + state.nextID()
    let account = FakeCAState.Account(
      url: url, key: message.key,
      contacts: message.payload["contact"].array.compactMap(\.string))
    state.accounts[url] = account
    return accountAnswer(account, status: 201)
  }

  private func checkBinding(_ message: FakeJWS, _ state: FakeCAState) throws {
    let binding = message.payload["externalAccountBinding"]
    guard binding != .null else {
      if state.settings.requiresExternalAccount {
        throw Refusal(.externalAccountRequired, "customers only", status: 403)
      }
      return
    }
    let parts = try JWSParts(binding)
    let hashes: [String: HMAC.Hash] = ["HS256": .sha256, "HS384": .sha384, "HS512": .sha512]
    guard let hash = hashes[parts.header["alg"].string ?? ""],
      let key = state.settings.externalAccounts[parts.header["kid"].string ?? ""],
      parts.header["url"].string == message.url, parts.header["nonce"] == .null,
      JSONValue(parts.payload) == message.header["jwk"],
      try HMAC.code(hash, key: key, message: parts.signed) == parts.signature
    else { throw Refusal(.unauthorized, "the external account binding is wrong", status: 403) }
  }

  func account(
    _ message: FakeJWS, _ route: FakeRoute, _ state: inout FakeCAState
  ) throws -> HTTPResponse {
    guard message.account == message.url, var account = state.accounts[message.url] else {
      throw Refusal(.unauthorized, "not your account", status: 403)
    }
    if message.payload["contact"] != .null {
      account.contacts = message.payload["contact"].array.compactMap(\.string)
    }
    if message.payload["status"].string == "deactivated" { account.status = "deactivated" }
    state.accounts[message.url] = account
    return accountAnswer(account, status: 200)
  }

  private func accountAnswer(_ account: FakeCAState.Account, status: Int) -> HTTPResponse {
    Self.answer(
      status,
      [
        "status": .string(account.status),
        "contact": account.contacts.isEmpty ? .null : .array(account.contacts.map { .string($0) }),
      ],
      [HTTPField(name: "Location", value: account.url)])
  }

  func keyChange(_ message: FakeJWS, _ state: inout FakeCAState) throws -> HTTPResponse {
    let inner = try JWSParts(message.payload)
    let newKey = try JWSParts.key(inner.header["jwk"])
    try inner.verify(newKey)
    let claim = JSONValue(inner.payload) ?? .null
    guard inner.header["url"].string == message.url, inner.header["nonce"] == .null,
      let url = message.account, claim["account"].string == url,
      try JWSParts.key(claim["oldKey"]) == message.key
    else { throw Refusal(.malformed, "the inner JWS does not fit") }
    if let other = state.account(with: newKey) {
      throw Refusal(
        .conflict, "the key is in use", status: 409,
        headers: [HTTPField(name: "Location", value: other.url)])
    }
    state.accounts[url]?.key = newKey
    guard let changed = state.accounts[url] else { throw Refusal(.serverInternal, "gone") }
    return accountAnswer(changed, status: 200)
  }

  func revoke(_ message: FakeJWS, _ state: inout FakeCAState) throws -> HTTPResponse {
    guard let der = message.payload["certificate"].string.flatMap({ Base64URL.decode($0) }) else {
      throw Refusal(.malformed, "no certificate")
    }
    let certificate = try Certificate(der: der)
    guard message.account != nil || certificate.publicKey == message.key else {
      throw Refusal(.unauthorized, "not the certificate's key", status: 403)
    }
    guard state.revoked[der] == nil else { throw Refusal(.alreadyRevoked, "revoked before") }
    state.revoked[der] = Int(message.payload["reason"].number ?? 0)
    return HTTPResponse(
      status: 200, headers: [HTTPField(name: "Content-Type", value: "text/plain")])
  }
}
