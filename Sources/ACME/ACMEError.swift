internal import CertctlBase
public import FoundationEssentials

/// The error of this library's operations.
///
/// Its message consists of the ``operation``, the ``subject`` and the cause: the CA's ``problem``,
/// the ``detail`` or the ``underlying`` error. The ``hint`` suggests a fix.
public struct ACMEError: Error, Sendable, CustomStringConvertible {
  /// The type of an error; an open set, so that later versions can add codes.
  public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The text of the code in JSON and logs.
    public let rawValue: String

    /// Creates a code from its raw value.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The text of the code.
    public var description: String { rawValue }
  }

  /// The type of the error.
  public var code: Code
  /// The failed operation, as a verb phrase after "cannot": "place an order for".
  public var operation: String
  /// The object of the operation: a URL, a name, a list of names.
  public var subject: String?
  /// The CA's problem document, unchanged.
  ///
  /// Escape its texts before printing them.
  public var problem: Problem?
  /// The names that failed, if the CA reports which ones.
  public var identifiers: [Identifier] = []
  /// The HTTP status of the response, if there was one.
  public var status: Int?
  /// The cause, if there is no problem document.
  public var detail: String?
  /// The error that caused this one, such as a failed connection.
  public var underlying: (any Error)?
  /// The suggested fix: an imperative phrase without a full stop.
  ///
  /// It may quote the CA, so escape it before printing it.
  public var hint: String?
  /// The earliest time to retry, if the CA sent one.
  public var retryAfter: Date?
  /// Whether the same request may succeed later without any change.
  public var isRetryable: Bool
  /// Whether the CA may have processed the request although its response was lost.
  var mayHaveBeenProcessed = false

  package init(
    _ code: Code, _ operation: String, subject: String? = nil, problem: Problem? = nil,
    status: Int? = nil, detail: String? = nil, underlying: (any Error)? = nil,
    hint: String? = nil, retryAfter: Date? = nil, isRetryable: Bool = false
  ) {
    self.code = code
    self.operation = operation
    self.subject = subject
    self.problem = problem
    self.status = status
    self.detail = detail
    self.underlying = underlying
    self.hint = hint
    self.retryAfter = retryAfter
    self.isRetryable = isRetryable
  }

  /// The message on one line, safe for a terminal, without the hint.
  public var description: String { escapedForTerminal(message) }

  /// The message with the CA's texts unescaped.
  package var message: String {
    var text = "cannot " + operation
    if let subject { text += " " + subject }
    if let words { text += ": " + words }
    return text
  }

  private var words: String? {
    if let problem { return problem.description }
    if let detail { return detail }
    // The message of the connection's error would repeat the URL.
    if let subject, let error = underlying as? HostError, error.subject == subject,
      error.code != .redirectRefused, let detail = error.detail
    {
      return detail
    }
    if let underlying { return (underlying as? ACMEError)?.message ?? "\(underlying)" }
    return nil
  }
}

extension ACMEError.Code {
  /// The text is not a valid name for a certificate.
  public static let badName = Self(rawValue: "badName")
  /// The parameters of an account or order are invalid.
  public static let badRequest = Self(rawValue: "badRequest")
  /// The directory URL does not return an ACME directory.
  public static let directoryUnusable = Self(rawValue: "directoryUnusable")
  /// The directory URL is not https.
  public static let insecureURL = Self(rawValue: "insecureURL")
  /// The CA does not support the operation, such as a key change.
  public static let unsupported = Self(rawValue: "unsupported")
  /// The CA has no profile of this name.
  public static let unknownProfile = Self(rawValue: "unknownProfile")
  /// The CA sent a problem document without a more specific code.
  public static let problem = Self(rawValue: "problem")
  /// The order failed permanently.
  public static let orderInvalid = Self(rawValue: "orderInvalid")
  /// At least one name could not be validated.
  public static let authorizationInvalid = Self(rawValue: "authorizationInvalid")
  /// The order is still in progress at the CA.
  public static let orderPending = Self(rawValue: "orderPending")
  /// The certificate in `replaces` is already replaced.
  public static let alreadyReplaced = Self(rawValue: "alreadyReplaced")
  /// The CA has no active account for this key.
  public static let accountDoesNotExist = Self(rawValue: "accountDoesNotExist")
  /// The new account key already belongs to another account.
  public static let keyInUse = Self(rawValue: "keyInUse")
  /// The CA requires an external account binding.
  public static let externalAccountRequired = Self(rawValue: "externalAccountRequired")
  /// The CA's terms of service have not been agreed to, or have changed.
  public static let termsNotAgreed = Self(rawValue: "termsNotAgreed")
  /// A rate limit was exceeded; see ``ACMEError/retryAfter``.
  public static let rateLimited = Self(rawValue: "rateLimited")
  /// The CA is unreachable or temporarily unavailable.
  public static let unavailable = Self(rawValue: "unavailable")
  /// The connection to the CA failed permanently.
  public static let connection = Self(rawValue: "connection")
  /// The response is not a valid ACME response.
  public static let unexpectedAnswer = Self(rawValue: "unexpectedAnswer")
  /// The response is well formed but not trustworthy, such as one with a URL that is not https.
  public static let untrustedAnswer = Self(rawValue: "untrustedAnswer")
  /// The certificate chain from the CA is unusable.
  public static let chain = Self(rawValue: "chain")
  /// The key is not usable for ACME, or signing failed.
  public static let key = Self(rawValue: "key")
}
