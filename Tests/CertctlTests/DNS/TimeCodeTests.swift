import CertctlDNS
import FoundationEssentials
import Testing

struct TimeCodeTests {
  /// The last six of the eight digits in RFC 6238, appendix B, for SHA-1; the secret is
  /// "12345678901234567890".
  @Test(arguments: [
    (59.0, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"),
    (1_234_567_890, "005924"), (2_000_000_000, "279037"), (20_000_000_000, "353130"),
  ])
  func `codes match RFC 6238`(seconds: Double, digits: String) throws {
    let moment = Date(timeIntervalSince1970: seconds)
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    #expect(try TimeCode.digits(secret, at: moment) == digits)
    #expect(try TimeCode.digits("gezd gnbv gy3t qojq gezd gnbv gy3t qojq", at: moment) == digits)
  }

  @Test func `a secret that is not base32 gives no code`() throws {
    for secret in ["", "0189", "not base32!", "===="] {
      #expect(try TimeCode.digits(secret, at: Date(timeIntervalSince1970: 0)) == nil)
    }
  }

  @Test func `a code is valid until the next half minute`() {
    #expect(TimeCode.secondsLeft(at: Date(timeIntervalSince1970: 60)) == 30)
    #expect(TimeCode.secondsLeft(at: Date(timeIntervalSince1970: 89.9)) == 1)
  }
}
