package import ACME
import CertctlBase
import CertctlCrypto
import CertctlSystem
package import FoundationEssentials

/// What went wrong in certctl, for a person and for a program.
///
/// Its description is one finished sentence: what was being done, to which thing, and what the
/// other side answered. `details` are the lines below it, and `hint` says what to do next. Each is
/// one line and may quote strangers as they wrote it; printers make it safe.
package struct CertctlError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure, open so that new ones can be added.
  package struct Code: RawRepresentable, Hashable, Sendable {
    /// The word that stands in JSON.
    package let rawValue: String

    /// A code by its word.
    package init(rawValue: String) { self.rawValue = rawValue }

    /// The words given on the command line do not fit together.
    package static let usage = Code(rawValue: "usage")
    /// The configuration file, or another setting of the machine, is wrong.
    package static let configuration = Code(rawValue: "configuration")
    /// There is no lineage, generation or account of that name; or no file or folder that is needed.
    package static let notFound = Code(rawValue: "notFound")
    /// A state file is damaged, or was written by a newer certctl.
    package static let damagedState = Code(rawValue: "damagedState")
    /// Something failed that has no code of its own.
    ///
    /// Failures of the host have those of `HostError.Code`, such as `permissionDenied` and
    /// `diskFull`, and failures of keys and certificates those of `CryptoError.Code`.
    package static let state = Code(rawValue: "state")
    /// Another process holds the lock.
    package static let locked = Code(rawValue: "locked")
    /// The change would take something away that is in use; `--force` allows it.
    package static let refused = Code(rawValue: "refused")
    /// The certificate that the CA sent is not the one that was ordered.
    package static let unusableCertificate = Code(rawValue: "unusableCertificate")
    /// A challenge could not be presented, or the CA did not accept it.
    package static let challengeFailed = Code(rawValue: "challengeFailed")
    /// The CA's terms of service have not been agreed to.
    package static let termsNotAgreed = Code(rawValue: "termsNotAgreed")
    /// The CA refused a request, or answered nonsense.
    package static let authority = Code(rawValue: "authority")
    /// The CA cannot be reached, is overloaded, limits the rate, or is not done yet.
    package static let tryLater = Code(rawValue: "tryLater")
    /// certctl itself waits, without asking: a limit of the CA that it knows would be passed, or the
    /// CA was out of reach for another certificate a moment ago.
    package static let postponed = Code(rawValue: "postponed")
    /// There is a new certificate, but servers could not be made to use it.
    package static let deploymentFailed = Code(rawValue: "deploymentFailed")
    /// nginx does not accept the configuration that it would get; nothing was changed.
    package static let nginxRefused = Code(rawValue: "nginxRefused")
  }

  /// The kind of failure.
  package let code: Code
  /// One finished sentence.
  package let message: String
  /// What to do next, if that is known.
  package private(set) var hint: String?
  /// The lines below the message, such as one for each name that failed.
  package let details: [String]
  /// The CA's own words, with their subproblems.
  package let problem: Problem?
  /// The names that failed, when the CA told which ones of an order it was.
  package private(set) var identifiers: [Identifier]
  /// Whether the same command can succeed later without a change.
  package let isRetryable: Bool
  /// The earliest moment at which trying again makes sense, if one is known.
  package let retryAfter: Date?

  /// The error of a lower layer that it was made from; for decisions in code, never for a person.
  package private(set) var underlying: (any Error)?

  /// Whether there is no time left for that: the last quarter of the lifetime has begun.
  package private(set) var isUrgent = false

  /// An error of certctl's own.
  package init(
    _ code: Code, _ message: String, hint: String? = nil, details: [String] = [],
    problem: Problem? = nil, identifiers: [Identifier] = [], isRetryable: Bool = false,
    retryAfter: Date? = nil
  ) {
    self.code = code
    self.message = message
    self.hint = hint
    self.details = details
    self.problem = problem
    self.identifiers = identifiers
    self.isRetryable = isRetryable
    self.retryAfter = retryAfter
  }

  /// The message alone; printers add the details and the hint on lines of their own.
  package var description: String { message }

  /// The message and the details, which are indented.
  package var lines: [String] { [message] + details.map { "  \($0)" } }

  /// The message with its details as files and JSON hold them: raw, with a line break before each.
  package var text: String { lines.joined(separator: "\n") }

  /// The exit code of a command that failed this way (ARCHITECTURE.md, "Exit codes").
  package var exitCode: Int32 {
    if isRetryable { return isUrgent ? 1 : 75 }
    switch code {
    case .usage, .termsNotAgreed: return 64
    case .configuration: return 78
    default: return 1
    }
  }
}

extension CertctlError {
  /// Any error of the layers below, in the words of this one.
  package init(wrapping error: any Error) {
    switch error {
    case let error as CertctlError: self = error
    case let error as ACMEError: self.init(error)
    case let error as HostError: self.init(error)
    case let error as CryptoError:
      self.init(Code(rawValue: error.code.description), error.description, hint: error.hint)
    default:
      self.init(.state, String(describing: error))
    }
    if !(error is CertctlError) { underlying = error }
  }

  private init(_ error: ACMEError) {
    let code: Code =
      switch error.code {
      case .badName, .badRequest, .insecureURL, .unknownProfile: .usage
      case .termsNotAgreed: .termsNotAgreed
      case .authorizationInvalid, .orderInvalid: .challengeFailed
      default: error.isRetryable ? .tryLater : .authority
      }
    self.init(
      code, error.message, hint: Self.hint(for: error) ?? error.hint, problem: error.problem,
      identifiers: error.identifiers.isEmpty
        ? (error.problem?.subproblems ?? []).compactMap(\.identifier) : error.identifiers,
      isRetryable: error.isRetryable, retryAfter: error.retryAfter)
  }

  /// What to do in certctl's own words, where the library cannot know them.
  private static func hint(for error: ACMEError) -> String? {
    switch (error.code, error.problem?.type) {
    case (.externalAccountRequired, _):
      return "get a key identifier and an HMAC key from the CA's web site, and give them by "
        + "--eab-kid and --eab-hmac-key-file"
    case (.accountDoesNotExist, _):
      return
        "register it again: certctl account register, with the same --ca; or, if it was closed "
        + "for good, forget it here: certctl account deactivate --local"
    case (.problem, .unauthorized?):
      return
        "the CA refused the account: check --eab-kid and its key, if you gave them; an account "
        + "that was deactivated is forgotten here by: certctl account deactivate --local"
    default:
      guard error.isRetryable, let date = error.retryAfter else { return nil }
      return "try again after \(date.rfc3339), by the same command"
    }
  }

  /// The same error about a certificate of which the last quarter of the lifetime has begun.
  package func urgent() -> CertctlError {
    var error = self
    error.isUrgent = true
    return error
  }

  /// The same error about these names, where it does not know its own.
  package func about(_ names: [Identifier]) -> CertctlError {
    var error = self
    if identifiers.isEmpty { error.identifiers = names }
    return error
  }

  /// The same error with another hint.
  package func advising(_ hint: String) -> CertctlError {
    var error = self
    error.hint = hint
    return error
  }

  private init(_ error: HostError) {
    let code: Code =
      switch error.code {
      case .lockHeld: .locked
      case .badCABundle: .usage
      case .addressInUse: .challengeFailed
      // The same words: permissionDenied, diskFull, notFound, missingLibrary and so on.
      default: error.isRetryable ? .tryLater : Code(rawValue: error.code.rawValue)
      }
    let hint =
      switch error.code {
      case .permissionDenied where SystemAccount.isRoot:
        "root lacks the right here, as in a sandbox: for the service of systemd see Timer.md in "
          + "certctl's documentation (CapabilityBoundingSet=CAP_CHOWN, ReadWritePaths=)"
      case .permissionDenied: "run it as root, with sudo, or choose another place by --state-dir"
      case .diskFull: "make room, then give the same command again: nothing was lost"
      default: String?.none
      }
    // A server that holds the port will hold it tomorrow: the timer's next run changes nothing.
    let isRetryable = error.isRetryable && error.code != .addressInUse
    self.init(code, error.description, hint: error.hint ?? hint, isRetryable: isRetryable)
  }
}

/// An error as JSON tells it: `{"code":…,"message":…,"hint":…,"problem":{…}}`.
package struct ErrorDetail: Encodable, Sendable {
  /// The kind of failure.
  package let code: String
  /// One finished sentence, and the lines below it.
  package let message: String
  /// What to do next.
  package let hint: String?
  /// The CA's own words.
  package let problem: Problem?
  /// Whether the same command can succeed later without a change.
  package let isRetryable: Bool
  /// The earliest moment at which trying again makes sense.
  package let retryAfter: Date?
  /// The lines of the message, which stand in JSON as one text.
  package let lines: [String]

  private enum CodingKeys: CodingKey {
    case code, message, hint, problem, isRetryable, retryAfter
  }

  /// Tells an error.
  package init(_ error: CertctlError) {
    code = error.code.rawValue
    message = error.text
    lines = error.lines
    hint = error.hint
    problem = error.problem
    isRetryable = error.isRetryable
    retryAfter = error.retryAfter
  }
}
