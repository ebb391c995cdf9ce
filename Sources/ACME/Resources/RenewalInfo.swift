public import CertctlCrypto
public import FoundationEssentials

/// The name of a certificate in ARI (RFC 9773 section 4.1): "aki.serial", both base64url.
public struct CertificateID: RawRepresentable, Hashable, Sendable, Codable,
  CustomStringConvertible
{
  /// The text that goes into URLs and into `replaces`.
  public let rawValue: String

  /// Takes an identifier as text, as an earlier run kept it; `nil` when it is none.
  public init?(rawValue: String) {
    let parts = rawValue.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ Base64URL.isAlphabet(String($0)) }),
      rawValue.utf8.count <= 256
    else { return nil }
    self.rawValue = rawValue
  }

  /// The identifier of a certificate; `nil` when it has no authority key identifier.
  public init?(_ certificate: Certificate) {
    guard let authority = certificate.authorityKeyIdentifier, !authority.isEmpty else {
      return nil
    }
    self.init(authorityKeyIdentifier: authority, serialNumber: certificate.serialNumber)
  }

  /// Joins the two parts; the serial number is the DER content, with a leading zero if it has one.
  package init?(authorityKeyIdentifier: [UInt8], serialNumber: [UInt8]) {
    self.init(
      rawValue: Base64URL.encode(authorityKeyIdentifier) + "." + Base64URL.encode(serialNumber))
  }

  /// The text itself.
  public var description: String { rawValue }
}

/// When the CA suggests to renew a certificate (RFC 9773 section 4.2).
public struct RenewalInfo: Sendable, Equatable, Codable {
  /// Where the suggested window begins.
  public var start: Date
  /// Where it ends; always after ``start``.
  ///
  /// Both may be in the past: then renew now.
  public var end: Date
  /// A page that says why, when the CA gives one.
  public var explanationURL: String?
  /// When to ask again: between a minute and a day from the answer, six hours if the CA said
  /// nothing.
  public var retryAfter: Date

  /// Makes a window.
  public init(start: Date, end: Date, explanationURL: String? = nil, retryAfter: Date) {
    self.start = start
    self.end = end
    self.explanationURL = explanationURL
    self.retryAfter = retryAfter
  }

  /// The next time to ask, from a Retry-After header, within one minute and one day.
  static func nextLook(_ header: String?, now: Date) -> Date {
    let wanted = RetryAfter.instant(header, now: now) ?? now.addingTimeInterval(6 * 3600)
    return min(max(wanted, now.addingTimeInterval(60)), now.addingTimeInterval(86400))
  }
}

/// The answer on the wire.
struct RenewalDocument: Decodable {
  var start: Date
  var end: Date
  var explanationURL: String?

  private enum Keys: String, CodingKey { case suggestedWindow, explanationURL }
  private enum WindowKeys: String, CodingKey { case start, end }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    let window = try fields.nestedContainer(keyedBy: WindowKeys.self, forKey: .suggestedWindow)
    guard let start = window.lenientTime(.start), let end = window.lenientTime(.end), start < end
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .suggestedWindow, in: fields, debugDescription: "no window with start before end")
    }
    self.start = start
    self.end = end
    explanationURL = fields.lenient(.explanationURL, as: String.self).flatMap {
      $0.hasPrefix("https://") && $0.utf8.count <= 2000 ? $0 : nil
    }
  }
}
