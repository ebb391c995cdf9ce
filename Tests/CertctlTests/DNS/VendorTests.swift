import ACME
import CertctlBase
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlDNS

/// The code that DNS providers share: texts, tokens, signatures, lists and retries.
struct VendorTests {
  // MARK: - Text

  @Test(arguments: [
    (#""abc""#, "abc"), ("abc", "abc"), (#""a" "b c""#, "ab c"), (#""a\"b\\c""#, #"a"b\c"#),
    ("", ""), (#"""#, ""), (#"a "b""#, #"a "b""#),
  ])
  func `the text of a record is compared without quotes`(_ written: String, _ text: String) {
    #expect(TXTText.unquoted(written) == text)
  }

  @Test(arguments: ["", "abc", #"a"b\c"#, "é"])
  func `unquoting a quoted text returns the text`(_ text: String) {
    #expect(TXTText.unquoted(TXTText.quoted(text)) == text)
  }

  @Test func `records match by name and text, ignoring case, trailing dot and quotes`() {
    let there = [
      VendorRecord(id: 1, name: "_ACME-challenge.example.com.", text: #""one""#),
      VendorRecord(id: 2, label: "_acme-challenge", in: "example.com", text: "two"),
      VendorRecord(id: 3, label: "@", in: "example.com", text: "one"),
    ]
    let records = ["one", "three", "three"].map {
      ChallengeRecord(name: "_acme-challenge.example.com", value: $0, domain: "example.com")
    }
    #expect(records.missing(from: there).map(\.value) == ["three"])
    #expect(records.identities(in: there) == [1])
    #expect(records.byName.map(\.values) == [["one", "three"]])
  }

  // MARK: - Amazon

  /// From the AWS test suite for Signature Version 4: get-vanilla, get-vanilla-query-order-key-case.
  @Test(arguments: [
    ("", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    (
      "?Param2=value2&Param1=value1",
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    ),
  ])
  func `request signatures match the AWS test suite`(_ query: String, _ signature: String) throws {
    let keys = AWSKeys(id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    let fields = try keys.fields(
      signing: HTTPRequest(.get, "https://example.amazonaws.com/\(query)"), service: "service",
      region: "us-east-1", at: Date(timeIntervalSince1970: 1_440_938_160))
    #expect(fields.map(\.name) == ["x-amz-date", "Authorization"])
    #expect(fields.first?.value == "20150830T123600Z")
    #expect(
      fields.last?.value == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
        + "aws4_request, SignedHeaders=host;x-amz-date, Signature=\(signature)")
  }

  @Test func `a profile's keys are found in the shared credentials file`() {
    let text = """
      # [comment]
      [default]
      aws_access_key_id = ONE
      aws_secret_access_key=two=2
      [ other ]
        AWS_ACCESS_KEY_ID=THREE
      ; aws_session_token = none
      aws_secret_access_key = four
      aws_session_token = five
      [half]
      aws_access_key_id = SIX
      """
    #expect(AWSKeys(profile: "default", in: text) == AWSKeys(id: "ONE", secret: "two=2"))
    #expect(
      AWSKeys(profile: "other", in: text) == AWSKeys(id: "THREE", secret: "four", token: "five"))
    #expect(AWSKeys(profile: "half", in: text) == nil)
    #expect(AWSKeys(profile: "none", in: text) == nil)
  }

  // MARK: - Requests

  @Test func `a token is reused until shortly before it expires`() async throws {
    let clock = TestClock()
    let token = VendorToken()
    let asked = Mutex(0)
    func text() async throws -> String {
      try await token.text(at: clock.now) {
        let number = asked.withLock {
          $0 += 1
          return $0
        }
        return try JSONDecoder().decode(
          VendorGrant.self,
          from: Data(#"{"access_token":"token \#(number)","expires_in":"3600"}"#.utf8))
      }
    }
    #expect(try await text() == "token 1")
    clock.advance(3500)
    #expect(try await text() == "token 1")
    clock.advance(50)
    #expect(try await text() == "token 2")
  }

  @Test func `a 429 response is retried after Retry-After, up to a limit`() async throws {
    let vendor = Answering { _ in HTTPResponse(status: 429, headers: [field("Retry-After", "7")]) }
    let clock = TestClock()
    let error = await #expect(throws: CertctlError.self) {
      _ = try await api(vendor, clock).send(.post, "/a", to: "do a thing")
    }
    #expect(error?.isRetryable == true)
    #expect(vendor.requests.count == VendorAPI.attempts)
    #expect(clock.waits == Array(repeating: .seconds(7), count: VendorAPI.attempts - 1))
  }

  @Test func `a POST whose outcome is unknown is not sent twice`() async throws {
    let vendor = Answering { _ in HTTPResponse(status: 502) }
    await #expect(throws: CertctlError.self) {
      _ = try await api(vendor).send(.post, "/a", to: "do a thing")
    }
    #expect(vendor.requests.count == 1)
    await #expect(throws: CertctlError.self) {
      _ = try await api(vendor).send(.get, "/a", to: "do a thing")
    }
    #expect(vendor.requests.count == 1 + VendorAPI.attempts)
  }

  @Test func `each attempt is signed again, and the error hides the signature`() async throws {
    let vendor = Answering { number in
      HTTPResponse(
        status: number == 1 ? 409 : 400,
        body: Array(#"{"message":"bad signature-\#(number) here"}"#.utf8))
    }
    let count = Mutex(0)
    let signing = api(vendor).repeating([409]).authorized { _ in
      let number = count.withLock {
        $0 += 1
        return $0
      }
      return [field("Authorization", "Scheme signature-\(number)")]
    }
    let error = await #expect(throws: CertctlError.self) {
      _ = try await signing.send(.get, "/a", to: "do a thing")
    }
    #expect(
      vendor.requests.map { $0.headers.map(\.value) } == [
        ["Scheme signature-1"], ["Scheme signature-2"],
      ])
    #expect(error?.message == "cannot do a thing at Vendor: bad *** here (HTTP 400)")
  }

  @Test func `an endless list is an error`() async {
    let api = api(Answering { _ in HTTPResponse(status: 200) })
    let error = await #expect(throws: CertctlError.self) {
      _ = try await api.pages("list all") { ([$0], true) }
    }
    expectError(error, mentions: "list all", "\(VendorAPI.mostPages)")
  }

  @Test(arguments: [
    (
      "<?xml version='1.0'?><E><Error><Code>X</Code><Message>No way</Message></Error></E>", "No way"
    ),
    ("<html><body><p>Bad Gateway</p><error>x</error></body></html>", nil),
    ("<!DOCTYPE html><html></html>", nil), ("{\"error\":{\"message\":\"No way\"}}", "No way"),
  ])
  func `an error quotes the vendor's message but no web page`(_ body: String, _ words: String?) {
    #expect(VendorWords.find(in: Array(body.utf8)) == words)
  }

  private func api(_ http: any HTTPClient, _ clock: TestClock = TestClock()) -> VendorAPI {
    VendorAPI(
      title: "Vendor", base: "https://api.example.com", headers: [], http: http,
      clock: clock.wall, secrets: [], credentials: [])
  }
}

private func field(_ name: String, _ value: String) -> HTTPField {
  HTTPField(name: name, value: value)
}

/// Answers each request by its number, starting at 1.
private final class Answering: HTTPClient {
  private let heard = Mutex<[HTTPRequest]>([])
  private let answer: @Sendable (Int) -> HTTPResponse

  init(_ answer: @escaping @Sendable (Int) -> HTTPResponse) { self.answer = answer }

  var requests: [HTTPRequest] { heard.withLock { $0 } }

  func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    answer(
      heard.withLock {
        $0.append(request)
        return $0.count
      })
  }
}
