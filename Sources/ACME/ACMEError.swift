internal import CertctlBase
public import FoundationEssentials

/// Why a conversation with a CA came to nothing.
///
/// One type for everything this library throws, apart from `CancellationError`. It says what was
/// being done (``operation``), to which thing (``subject``), what the CA answered (``problem`` or
/// ``detail``) and, where we know, what to do next (``hint``).
public struct ACMEError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure; open, so that later versions can add kinds.
  public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The word used in JSON and in logs.
    public let rawValue: String

    /// Makes a code from its word.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The word itself.
    public var description: String { rawValue }
  }

  /// The kind of failure.
  public var code: Code
  /// What was being done, as a verb phrase: "place an order for".
  public var operation: String
  /// The thing it was done to: a URL, a name, a list of names.
  public var subject: String?
  /// The CA's problem document, exactly as it was sent.
  ///
  /// Its texts are hostile until escaped.
  public var problem: Problem?
  /// The names that failed, when the CA told which ones of an order it was.
  public var identifiers: [Identifier] = []
  /// The HTTP status of the answer, when there was one.
  public var status: Int?
  /// What the other side did or said, in words, when there is no problem document.
  public var detail: String?
  /// The error below this one, such as a failed connection.
  public var underlying: (any Error)?
  /// What to do next, in one or two sentences.
  ///
  /// It may quote the CA, so it is hostile until escaped.
  public var hint: String?
  /// The earliest moment at which trying again makes sense, when the CA named one.
  public var retryAfter: Date?
  /// Whether the same request may well succeed later without anybody changing anything.
  public var isRetryable: Bool
  /// Whether the CA may have acted on the request although its answer was lost.
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

  /// One finished sentence, safe for a terminal; the hint is not part of it.
  public var description: String { escapedForTerminal(message) }

  /// The same sentence as it is, with whatever the CA wrote.
  package var message: String {
    var text = "cannot " + operation
    if let subject { text += " " + subject }
    if let words { text += ": " + words }
    return text
  }

  private var words: String? {
    if let problem { return problem.description }
    if let detail { return detail }
    if let underlying { return (underlying as? ACMEError)?.message ?? "\(underlying)" }
    return nil
  }
}

extension ACMEError.Code {
  /// A text that is no name a certificate could be issued for.
  public static let badName = Self(rawValue: "badName")
  /// An account or order was asked for with settings that cannot work.
  public static let badRequest = Self(rawValue: "badRequest")
  /// The directory URL does not lead to an ACME directory.
  public static let directoryUnusable = Self(rawValue: "directoryUnusable")
  /// The directory URL is not https.
  public static let insecureURL = Self(rawValue: "insecureURL")
  /// The CA does not offer what was asked for, such as key rollover.
  public static let unsupported = Self(rawValue: "unsupported")
  /// The CA has no profile of this name.
  public static let unknownProfile = Self(rawValue: "unknownProfile")
  /// The CA refused by a problem document for which there is no code of its own.
  public static let problem = Self(rawValue: "problem")
  /// The order has failed for good.
  public static let orderInvalid = Self(rawValue: "orderInvalid")
  /// At least one name could not be validated.
  public static let authorizationInvalid = Self(rawValue: "authorizationInvalid")
  /// The order is not finished yet; it goes on at the CA.
  public static let orderPending = Self(rawValue: "orderPending")
  /// The certificate to replace has been replaced already.
  public static let alreadyReplaced = Self(rawValue: "alreadyReplaced")
  /// The CA knows no account for this key, or has closed it.
  public static let accountDoesNotExist = Self(rawValue: "accountDoesNotExist")
  /// The new account key belongs to another account already.
  public static let keyInUse = Self(rawValue: "keyInUse")
  /// The CA gives accounts only to its customers.
  public static let externalAccountRequired = Self(rawValue: "externalAccountRequired")
  /// The CA's terms of service have not been agreed to, or have changed.
  public static let termsNotAgreed = Self(rawValue: "termsNotAgreed")
  /// Too many requests; see ``ACMEError/retryAfter``.
  public static let rateLimited = Self(rawValue: "rateLimited")
  /// The CA could not be reached, or is out of order for the moment.
  public static let unavailable = Self(rawValue: "unavailable")
  /// The connection to the CA failed in a way that trying again does not cure.
  public static let connection = Self(rawValue: "connection")
  /// Something answered, but not as an ACME server answers.
  public static let unexpectedAnswer = Self(rawValue: "unexpectedAnswer")
  /// The answer is well formed, but cannot be trusted, such as one with a URL that is not https.
  public static let untrustedAnswer = Self(rawValue: "untrustedAnswer")
  /// The certificate chain that the CA sent is unusable.
  public static let chain = Self(rawValue: "chain")
  /// A key cannot be used for ACME, or signing failed.
  public static let key = Self(rawValue: "key")
}
