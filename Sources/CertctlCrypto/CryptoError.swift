/// An error about a key, a certificate, a signature or a TLS connection.
///
/// It is created at the failing call and carries OpenSSL's reasons from there, because OpenSSL
/// keeps them per thread and an `await` may continue on another thread. It never contains a secret.
public struct CryptoError: Error, Sendable {
  /// The kind of failure: an open set, so that a new kind does not break a `switch`.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    private enum Value: String { case openSSL, malformed, unsupported, mismatch, untrusted }

    private let value: Value

    /// OpenSSL failed for a reason that the input does not explain.
    public static let openSSL = Code(value: .openSSL)

    /// The input is invalid: damaged PEM, DER with trailing bytes, a bad signature.
    public static let malformed = Code(value: .malformed)

    /// The input may be valid, but its kind is not supported (an encrypted key, P-521).
    public static let unsupported = Code(value: .unsupported)

    /// Two things that should belong together do not, such as a key and a certificate.
    public static let mismatch = Code(value: .mismatch)

    /// A chain does not lead to a trusted root, or is not valid at this time or for this name.
    public static let untrusted = Code(value: .untrusted)

    /// The raw value of the code.
    public var description: String { value.rawValue }
  }

  /// The kind of failure.
  public var code: Code

  /// The operation that failed, in the words that follow "cannot": `parse the certificate`.
  public var operation: String

  /// The object of the operation: a name, a subject; never a secret.
  public var subject: String?

  /// The reasons, the first cause first.
  public var reasons: [String]

  /// The next step, in the words that follow "hint:": `decrypt it first`.
  public var hint: String?

  /// Creates an error without reading OpenSSL's error queue.
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
  /// One line with the first three reasons, without the hint.
  public var description: String {
    var text = "cannot \(operation)"
    if let subject { text += " \"\(subject)\"" }
    // OpenSSL reports a damaged key with eight reasons; all of them are in `reasons`.
    if !reasons.isEmpty { text += ": " + reasons.prefix(3).joined(separator: "; ") }
    return text
  }
}
