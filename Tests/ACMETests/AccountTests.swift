import ACME
import CertctlBase
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@Suite struct AccountTests {
  @Test(arguments: KeyType.allCases)
  func `an account can be registered with every ACME key type`(type: KeyType) async throws {
    guard type != .rsa3072, type != .rsa4096 else { return }
    let stage = try Stage()
    let key = try PrivateKey.generate(type)
    let account = try await stage.client.register(
      key: key, NewAccount(contacts: ["a@example.com"], termsOfServiceAgreed: true))
    #expect(stage.ca.accountURLs == [account.url])
    #expect(stage.ca.contacts(of: account.url) == ["mailto:a@example.com"])
    #expect(try await account.resource().contacts == ["mailto:a@example.com"])
  }

  @Test func `registering a key twice returns the same account`() async throws {
    let stage = try Stage()
    let request = NewAccount(termsOfServiceAgreed: true)
    let first = try await stage.client.register(key: stage.key, request)
    let second = try await stage.laterClient().register(key: stage.key, request)
    #expect(first.url == second.url)
  }

  @Test func `a registration whose response was lost is recovered`() async throws {
    let stage = try Stage()
    stage.ca.inject(.dropAfter, on: .newAccount)
    let account = try await stage.account()
    #expect(stage.ca.accountURLs == [account.url])
  }

  @Test func `looking up an unknown key finds nothing and registers nothing`() async throws {
    let stage = try Stage()
    #expect(try await stage.client.findAccount(key: stage.key) == nil)
    #expect(stage.ca.accountURLs.isEmpty)
    let account = try await stage.account()
    #expect(try await stage.client.findAccount(key: stage.key)?.url == account.url)
  }

  @Test func `registration fails unless the terms of service are agreed to`() async throws {
    let stage = try Stage { $0.termsOfService = "https://ca.test/terms-v3" }
    let request = NewAccount(termsOfServiceAgreed: false)
    let error = try #require(
      await failure { _ = try await stage.client.register(key: stage.key, request) })
    #expect(error.code == .termsNotAgreed)
    expectText(error.hint, mentions: "https://ca.test/terms-v3")
    #expect(stage.ca.accountURLs.isEmpty)
    // An existing account is found anyway.
    let account = try await stage.account()
    #expect(try await stage.client.register(key: stage.key, request).url == account.url)
  }

  @Test func `an error about changed terms names their URL and where to agree`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let body: JSONValue = [
      "type": "urn:ietf:params:acme:error:userActionRequired", "detail": "new terms",
      "instance": "https://ca.test/agree?user=7",
    ]
    let link = HTTPField(
      name: "Link", value: "<https://ca.test/terms-v4>; rel=\"terms-of-service\"")
    stage.ca.inject(
      .answer(
        status: 403, type: "application/problem+json", body: body.bytes, headers: [link]),
      on: .newOrder)
    let error = try #require(
      await failure { _ = try await account.newOrder(NewOrder([.dns("example.com")])) })
    #expect(error.code == .termsNotAgreed)
    expectText(
      error.hint, mentions: "https://ca.test/agree?user=7", "https://ca.test/terms-v4")
  }

  @Test func `contacts can be changed, and null means no contacts`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    #expect(
      try await account.update(contacts: ["b@example.com"]).contacts == ["mailto:b@example.com"])
    #expect(try await account.update(contacts: []).contacts == [])
    #expect(stage.ca.contacts(of: account.url) == [])
  }

  @Test(arguments: ["", "a@", "@example.com", "a@b,c@d", "mailto:a@b?subject=x", "a b@c.example"])
  func `a contact that is not an e-mail address is rejected without a request`(text: String)
    async throws
  {
    let stage = try Stage()
    let account = try await stage.account()
    let error = await failure { _ = try await account.update(contacts: [text]) }
    #expect(error?.code == .badRequest)
    #expect(stage.ca.count() == 0)
  }

  @Test(arguments: [Fault?.none, .dropAfter, .dropBefore])
  func `an account is deactivated even if the response was lost`(fault: Fault?) async throws {
    let stage = try Stage()
    let account = try await stage.account()
    if let fault { stage.ca.inject(fault, on: .account) }
    try await account.deactivate()
    let error = await failure { _ = try await account.resource() }
    #expect(error?.problem?.type == .unauthorized)
  }

  @Test func `an account unknown to the CA is an accountDoesNotExist error`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.forgetAccounts()
    let error = try #require(
      await failure { _ = try await account.newOrder(NewOrder([.dns("example.com")])) })
    #expect(error.code == .accountDoesNotExist)
    expectText(error.hint, mentions: "register again")
  }

  // External account binding

  @Test(arguments: [HMAC.Hash.sha256, .sha384, .sha512])
  func `registration binds an external account with its HMAC key`(hash: HMAC.Hash) async throws {
    let secret = [UInt8]("secret key of a customer".utf8)
    let stage = try Stage {
      $0.requiresExternalAccount = true
      $0.externalAccounts = ["kid-1": secret]
    }
    let external = try ExternalAccount(
      keyID: "kid-1", encodedKey: " c2VjcmV0IGtleSBvZiBhIGN1c3RvbWVy\n", hash: hash)
    #expect(external.hmacKey == secret)
    let account = try await stage.client.register(
      key: stage.key, NewAccount(termsOfServiceAgreed: true, externalAccount: external))
    #expect(stage.ca.accountURLs == [account.url])
    #expect(!"\(external)".contains("secret") && !"\(external)".contains("c2Vj"))
  }

  @Test func `registration without a required EAB key only looks up the account`()
    async throws
  {
    let stage = try Stage { $0.requiresExternalAccount = true }
    let request = NewAccount(termsOfServiceAgreed: true)
    let error = try #require(
      await failure { _ = try await stage.client.register(key: stage.key, request) })
    #expect(error.code == .externalAccountRequired)
    expectText(error.hint, mentions: "HMAC key")
    #expect(stage.ca.requests.last?.payload["onlyReturnExisting"] == true)
  }

  @Test func `a wrong EAB key returns the CA's problem text`() async throws {
    let stage = try Stage {
      $0.requiresExternalAccount = true
      $0.externalAccounts = ["kid-1": [1, 2, 3]]
    }
    let external = ExternalAccount(keyID: "kid-1", hmacKey: [9])
    let error = try #require(
      await failure {
        _ = try await stage.client.register(
          key: stage.key, NewAccount(termsOfServiceAgreed: true, externalAccount: external))
      })
    #expect(error.description.contains("the external account binding is wrong (unauthorized)"))
  }

  @Test(arguments: [
    "-_8A_7__", "-_8A/7//", "+/8A/7//", "+_8A_7__=", "+/8A/7//==", " +/8A\n/7//\r\n",
  ])
  func `an HMAC key is decoded from every base64 variant`(text: String) throws {
    let external = try ExternalAccount(keyID: "kid", encodedKey: text)
    #expect(external.hmacKey == [0xfb, 0xff, 0x00, 0xff, 0xbf, 0xff])
  }

  @Test(arguments: ["", "=", " \n", "not base64!", "a", "ab=cd", "+/8*"])
  func `an invalid HMAC key is rejected without printing it`(text: String) {
    let error = #expect(throws: ACMEError.self) {
      _ = try ExternalAccount(keyID: "kid", encodedKey: text)
    }
    #expect(error?.code == .badRequest)
    if text.count > 2 { #expect(error.map { "\($0)" }?.contains(text) == false) }
  }

  // Key rollover

  @Test(arguments: [
    Fault?.none, .dropAfter, .dropBefore, .html(status: 502, afterProcessing: true),
  ])
  func `a rollover changes the key even if the response was lost`(
    fault: Fault?
  ) async throws {
    let stage = try Stage()
    let account = try await stage.account()
    if let fault { stage.ca.inject(fault, on: .keyChange) }
    let newKey = try PrivateKey.generate(.ec384)
    let changed = try await account.changeKey(to: newKey)
    #expect(changed.url == account.url)
    #expect(try await changed.resource().status == .valid)
    #expect(try await stage.client.findAccount(key: stage.key) == nil)
    if fault == nil { #expect(stage.ca.count(.keyChange) == 1) }
  }

  @Test func `after an unclear rollover the new key is looked up first, then the old one`()
    async throws
  {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.dropBefore, on: .keyChange)
    let newKey = try PrivateKey.generate(.ec256)
    _ = try await account.changeKey(to: newKey)
    #expect(
      stage.ca.kinds == [
        .keyChange, .newNonce, .newAccount, .newAccount, .keyChange,
      ])
  }

  @Test(arguments: [
    Fault.html(status: 403, "Forbidden"), .problem("malformed", status: 400), .tlsFailure,
  ])
  func `a rollover with an unknown outcome is a retryable error`(
    lookup: Fault
  ) async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.dropAfter, on: .keyChange)
    stage.ca.inject(lookup, on: .newAccount)
    let error = await failure { _ = try await account.changeKey(to: .generate(.ec256)) }
    #expect(error?.isRetryable == true)
  }

  @Test func `a key of another account is rejected`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let taken = try PrivateKey.generate(.ec256)
    _ = try await stage.client.register(key: taken, NewAccount(termsOfServiceAgreed: true))
    let error = await failure { _ = try await account.changeKey(to: taken) }
    #expect(error?.code == .keyInUse)
    #expect(try await account.resource().status == .valid)
  }

  @Test func `rollover at a CA without keyChange fails without a request`() async throws {
    let stage = try Stage { $0.resources.remove("keyChange") }
    let account = try await stage.account()
    let error = await failure { _ = try await account.changeKey(to: stage.key) }
    #expect(error?.code == .unsupported)
    #expect(stage.ca.count() == 0)
  }
}
