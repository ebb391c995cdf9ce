/// What went wrong with a key, a certificate, a signature or a TLS connection.
///
/// It is made at the failing call and carries OpenSSL's own reasons from there, because OpenSSL keeps
/// them per thread and an `await` may continue on another one. No secret ever gets into it.
public struct CryptoError: Error, Sendable {
  /// The kind of failure: an open set, so that new ones can come without breaking a `switch`.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    private enum Value: String { case openSSL, malformed, unsupported, mismatch, untrusted }

    private let value: Value

    /// OpenSSL refused or failed for a reason that the input does not explain.
    public static let openSSL = Code(value: .openSSL)

    /// The input is not what it says it is: damaged PEM, DER with junk, a bad signature.
    public static let malformed = Code(value: .malformed)

    /// The input may be fine, but it is of a kind that is not handled (an encrypted key, P-521).
    public static let unsupported = Code(value: .unsupported)

    /// Two things that should belong together do not (a key and a certificate).
    public static let mismatch = Code(value: .mismatch)

    /// A chain does not lead to a trusted root, or not at this time, or not for this name.
    public static let untrusted = Code(value: .untrusted)

    /// The code in one word.
    public var description: String { value.rawValue }
  }

  /// The kind of failure.
  public var code: Code

  /// What was being done, as the words that follow "cannot": `parse the certificate`.
  public var operation: String

  /// The thing it was done to: a name, a subject; never a secret.
  public var subject: String?

  /// The reasons, OpenSSL's own first cause first.
  public var reasons: [String]

  /// What to do next, as the words that follow "hint:": `decrypt it first`.
  public var hint: String?

  /// Makes an error; OpenSSL's queue is not looked at.
  public init(
    _ code: Code, operation: String, subject: String? = nil, reasons: [String] = [],
    hint: String? = nil
  ) {
    self.code = code
    self.operation = operation
    self.subject = subject
    self.reasons = reasons
    self.hint = hint
  }
}

extension CryptoError: CustomStringConvertible {
  /// One line with the first three reasons; the hint is not part of it.
  public var description: String {
    var text = "cannot \(operation)"
    if let subject { text += " \"\(subject)\"" }
    // OpenSSL tells a damaged key in eight ways; all of them are in `reasons`.
    if !reasons.isEmpty { text += ": " + reasons.prefix(3).joined(separator: "; ") }
    return text
  }
}
