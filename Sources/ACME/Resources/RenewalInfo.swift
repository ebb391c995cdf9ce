public import CertctlCrypto
public import FoundationEssentials

/// The identifier of a certificate in ARI (RFC 9773 section 4.1): "aki.serial", both base64url.
public struct CertificateID: RawRepresentable, Hashable, Sendable, Codable,
  CustomStringConvertible
{
  /// The text for URLs and `replaces`.
  public let rawValue: String

  /// Creates an identifier from its text; `nil` if the text is not valid.
  public init?(rawValue: String) {
    let parts = rawValue.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ Base64URL.isAlphabet(String($0)) }),
      rawValue.utf8.count <= 256
    else { return nil }
    self.rawValue = rawValue
  }

  /// Creates the identifier of a certificate; `nil` if it has no authority key identifier.
  public init?(_ certificate: Certificate) {
    guard let authority = certificate.authorityKeyIdentifier, !authority.isEmpty else {
      return nil
    }
    self.init(authorityKeyIdentifier: authority, serialNumber: certificate.serialNumber)
  }

  /// Creates an identifier from its parts.
  ///
  /// The serial number is the DER content, including any leading zero.
  package init?(authorityKeyIdentifier: [UInt8], serialNumber: [UInt8]) {
    self.init(
      rawValue: Base64URL.encode(authorityKeyIdentifier) + "." + Base64URL.encode(serialNumber))
  }

  /// The text itself.
  public var description: String { rawValue }
}

/// The CA's suggested renewal window for a certificate (RFC 9773 section 4.2).
public struct RenewalInfo: Sendable, Equatable, Codable {
  /// The start of the window.
  public var start: Date
  /// The end of the window; always after ``start``.
  ///
  /// If both are in the past, renew immediately.
  public var end: Date
  /// A page with the reason, if the CA sends one.
  public var explanationURL: String?
  /// The time of the next request: one minute to one day after the response, by default six hours.
  public var retryAfter: Date

  /// Creates a window.
  public init(start: Date, end: Date, explanationURL: String? = nil, retryAfter: Date) {
    self.start = start
    self.end = end
    self.explanationURL = explanationURL
    self.retryAfter = retryAfter
  }

  /// Returns the time of the next request from a Retry-After header: in one minute to one day.
  static func nextLook(_ header: String?, now: Date) -> Date {
    let wanted = RetryAfter.instant(header, now: now) ?? now.addingTimeInterval(6 * 3600)
    return min(max(wanted, now.addingTimeInterval(60)), now.addingTimeInterval(86400))
  }
}

/// The JSON document with the renewal window.
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
