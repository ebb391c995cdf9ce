import ACME
import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

@Suite struct ProblemTests {
  private func problem(_ json: String) throws -> Problem {
    try JSONDecoder().decode(Problem.self, from: Data(json.utf8))
  }

  @Test func `the description of a problem includes its subproblems`() throws {
    let read = try problem(
      """
      {"type":"urn:ietf:params:acme:error:malformed","detail":"Some names are bad","status":403,
       "subproblems":[
        {"type":"urn:ietf:params:acme:error:malformed","detail":"Invalid underscore",
         "identifier":{"type":"dns","value":"_example.org"}},
        {"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"Not ours",
         "identifier":{"type":"dns","value":"example.net"}}]}
      """)
    #expect(
      read.description == "Some names are bad (malformed); _example.org: Invalid underscore "
        + "(malformed); example.net: Not ours (rejectedIdentifier)")
    let copy = try JSONDecoder().decode(Problem.self, from: JSONEncoder().encode(read))
    #expect(copy == read)
  }

  @Test(arguments: [
    (#"{}"#, "no reason given"), (#"{"status":503}"#, "status 503"),
    (#"{"type":"urn:ietf:params:acme:error:dns"}"#, "dns"),
    (#"{"type":"https://ca.test/odd","title":"Odd"}"#, "Odd (https://ca.test/odd)"),
    (#"{"type":7,"detail":null,"status":"x","identifier":[],"subproblems":{}}"#, "no reason given"),
    (#"{"detail":"words","subproblems":[3,{"detail":"more"},null]}"#, "words; more"),
  ])
  func `malformed fields of a problem are ignored`(json: String, words: String) throws {
    #expect(try problem(json).description == words)
  }

  @Test func `long problems are truncated`() throws {
    let sub = #"{"detail":"\#(String(repeating: "x", count: 100))"}"#
    let many = Array(repeating: sub, count: 1000).joined(separator: ",")
    let read = try problem(#"{"detail":"a","subproblems":[\#(many)]}"#)
    #expect(read.subproblems.count == 200)
    #expect(read.description.count <= 4001)
  }

  @Test func `deeply nested problems are not a problem document`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    let depth = 20000
    let body =
      String(repeating: #"{"detail":"x","subproblems":["#, count: depth)
      + String(repeating: "]}", count: depth)
    stage.ca.inject(
      .answer(status: 400, type: "application/problem+json", body: [UInt8](body.utf8)),
      on: .newOrder)
    let error = await failure {
      _ = try await account.newOrder(NewOrder([.dns("example.com")]))
    }
    #expect(error?.code == .unexpectedAnswer)
  }

  @Test(arguments: [
    ("dns", "public DNS"), ("connection", "port is open"), ("unauthorized", "points to this host"),
    ("caa", "CAA"), ("rateLimited", "wait"), ("rejectedIdentifier", "leave out"),
    ("badCSR", "key type"), ("externalAccountRequired", "HMAC"),
    ("accountDoesNotExist", "register"), ("tls", "443"), ("invalidProfile", "profile"),
  ])
  func `each known problem has a hint`(type: String, words: String) async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(.problem(type, status: 403), on: .newOrder)
    let error = try #require(
      await failure { _ = try await account.newOrder(NewOrder([.dns("example.com")])) })
    expectText(error.hint, mentions: words)
  }

  @Test func `control characters from a CA are escaped in error descriptions`() async throws {
    let stage = try Stage()
    let account = try await stage.account()
    stage.ca.inject(
      .problem("malformed", status: 400, detail: "\u{1b}[2Jgone\r\nx\u{202e}y"), on: .newOrder)
    let error = try #require(
      await failure { _ = try await account.newOrder(NewOrder([.dns("example.com")])) })
    let unsafe = error.description.unicodeScalars.filter { $0.value < 0x20 || $0.value == 0x202e }
    #expect(unsafe.isEmpty)
    expectText(error.problem?.detail, mentions: "\u{1b}")
  }

  @Test func `hints quote the CA unescaped`() async throws {
    let evil = "https://ca.test/\u{1B}]0;pwned\u{7}\ncertctl: all is well"
    let page = try Stage()
    let instance: JSONValue = [
      "type": "urn:ietf:params:acme:error:userActionRequired", "instance": .string(evil),
    ]
    page.ca.inject(
      .answer(status: 403, type: "application/problem+json", body: instance.bytes), on: .newAccount)
    let terms = try Stage { $0.termsOfService = evil }
    let profiles = try Stage { $0.profiles = [evil: ""] }
    let account = try await profiles.account()
    let hints = [
      await failure {
        _ = try await page.client.findAccount(key: page.key)
      }?.hint,
      await failure {
        _ = try await terms.client.register(
          key: terms.key, NewAccount(termsOfServiceAgreed: false))
      }?.hint,
      await failure {
        _ = try await account.newOrder(NewOrder([.dns("example.com")], profile: "none"))
      }?.hint,
    ]
    for hint in hints {
      let text = try #require(hint)
      #expect(text.contains(evil))
    }
  }
}
