package import ACME
import CertctlBase
import CertctlCrypto
import CertctlSystem
package import FoundationEssentials

/// An error of certctl, for people and for programs.
///
/// The message is one line: what certctl could not do, to which thing, and why. `details` are
/// further lines, and `hint` suggests a fix. All of them may quote untrusted text; printers
/// escape it.
package struct CertctlError: Error, Sendable, CustomStringConvertible {
  /// The kind of an error, an open set.
  package struct Code: RawRepresentable, Hashable, Sendable {
    /// The raw value in JSON.
    package let rawValue: String

    /// Creates a code from its raw value.
    package init(rawValue: String) { self.rawValue = rawValue }

    /// The command line is invalid or inconsistent.
    package static let usage = Code(rawValue: "usage")
    /// The configuration file or another setting of the machine is invalid.
    package static let configuration = Code(rawValue: "configuration")
    /// The lineage, generation, account, file or folder does not exist.
    package static let notFound = Code(rawValue: "notFound")
    /// A state file is damaged, or a newer certctl wrote it.
    package static let damagedState = Code(rawValue: "damagedState")
    /// An error without a code of its own.
    ///
    /// Errors of the host have the codes of `HostError.Code`, such as `permissionDenied` and
    /// `diskFull`, and errors of keys and certificates those of `CryptoError.Code`.
    package static let state = Code(rawValue: "state")
    /// Another process holds the lock.
    package static let locked = Code(rawValue: "locked")
    /// The change would remove something that is in use; `--force` allows it.
    package static let refused = Code(rawValue: "refused")
    /// The certificate from the CA does not match the order.
    package static let unusableCertificate = Code(rawValue: "unusableCertificate")
    /// A challenge could not be presented, or the CA did not accept it.
    package static let challengeFailed = Code(rawValue: "challengeFailed")
    /// The CA's terms of service have not been agreed to.
    package static let termsNotAgreed = Code(rawValue: "termsNotAgreed")
    /// The CA refused a request or sent an invalid response.
    package static let authority = Code(rawValue: "authority")
    /// The CA is unreachable or overloaded, limits the rate, or has not finished yet.
    package static let tryLater = Code(rawValue: "tryLater")
    /// certctl postponed the request: it would exceed a known rate limit, or the CA was unreachable
    /// for another certificate a moment ago.
    package static let postponed = Code(rawValue: "postponed")
    /// A new certificate is stored, but could not be deployed.
    package static let deploymentFailed = Code(rawValue: "deploymentFailed")
    /// nginx rejects the new configuration; nothing was changed.
    package static let nginxRefused = Code(rawValue: "nginxRefused")
  }

  /// The kind of error.
  package let code: Code
  /// The message, on one line.
  package let message: String
  /// The suggested fix, if one is known.
  package private(set) var hint: String?
  /// Further lines, such as one for each name that failed.
  package let details: [String]
  /// The problem document of the CA (RFC 7807), with its subproblems.
  package let problem: Problem?
  /// The names that failed, if the CA named them.
  package private(set) var identifiers: [Identifier]
  /// Whether the same command can succeed later without a change.
  package let isRetryable: Bool
  /// The earliest time to retry, if one is known.
  package let retryAfter: Date?

  /// The error of a lower layer that caused this one; for code, never for people.
  package private(set) var underlying: (any Error)?

  /// Whether the last quarter of the certificate's lifetime has begun.
  package private(set) var isUrgent = false

  /// Creates an error.
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

  /// The message alone; printers add the details and the hint.
  package var description: String { message }

  /// The message, and the details indented.
  package var lines: [String] { [message] + details.map { "  \($0)" } }

  /// The message and the details joined with line breaks, not escaped, for files and JSON.
  package var text: String { lines.joined(separator: "\n") }

  /// The exit code of a command that fails with this error (ARCHITECTURE.md, "Exit codes").
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
  /// Creates an error from any error of a lower layer.
  package init(wrapping error: any Error) {
    switch error {
    case let error as CertctlError: self = error
    case let error as ACMEError: self.init(error)
    case let error as HostError: self.init(error)
    case let error as CryptoError:
      self.init(Code(rawValue: error.code.description), error.description, hint: error.hint)
    case is CancellationError: self.init(.state, "interrupted")
    default:
      // Unforeseen, so that nothing better than the name of its type may be known about it.
      self.init(
        .state, "cannot continue: unexpected error", details: [String(describing: error)])
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

  /// Returns the hint that names commands of certctl, which the library cannot know.
  private static func hint(for error: ACMEError) -> String? {
    switch (error.code, error.problem?.type) {
    case (.externalAccountRequired, _):
      return "get a key identifier and an HMAC key from the CA's website, then use --eab-kid and "
        + "--eab-hmac-key-file"
    case (.accountDoesNotExist, _):
      return
        "run certctl account register with the same --ca; if the CA deactivated the account, "
        + "first run: certctl account deactivate --local"
    case (.problem, .unauthorized?):
      return
        "check --eab-kid and its key; if the account was deactivated, run: certctl account "
        + "deactivate --local"
    default:
      guard error.isRetryable, let date = error.retryAfter else { return nil }
      return "run the same command again after \(date.rfc3339)"
    }
  }

  /// Returns the error marked as urgent: the last quarter of the lifetime has begun.
  package func urgent() -> CertctlError {
    var error = self
    error.isUrgent = true
    return error
  }

  /// Returns the error with these names, if it has none.
  package func about(_ names: [Identifier]) -> CertctlError {
    var error = self
    if identifiers.isEmpty { error.identifiers = names }
    return error
  }

  /// Returns the error with another hint.
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
      // The same raw values: permissionDenied, diskFull, notFound, missingLibrary and so on.
      default: error.isRetryable ? .tryLater : Code(rawValue: error.code.rawValue)
      }
    let hint =
      switch error.code {
      case .permissionDenied where SystemAccount.isRoot:
        "run systemctl edit certctl-renew.service and add ReadWritePaths=PATH, or "
          + "CapabilityBoundingSet=CAP_CHOWN to change owners"
      case .permissionDenied: "run certctl as root, or use --state-dir"
      case .diskFull: "free some disk space, then run the same command again"
      default: String?.none
      }
    // Another server will hold the port at the next run, too, so that a retry does not help.
    let isRetryable = error.isRetryable && error.code != .addressInUse
    self.init(code, error.description, hint: error.hint ?? hint, isRetryable: isRetryable)
  }
}

/// An error in JSON: `{"code":…,"message":…,"hint":…,"problem":{…}}`.
package struct ErrorDetail: Encodable, Sendable {
  /// The kind of error.
  package let code: String
  /// The message and the details.
  package let message: String
  /// The suggested fix.
  package let hint: String?
  /// The problem document of the CA.
  package let problem: Problem?
  /// Whether the same command can succeed later without a change.
  package let isRetryable: Bool
  /// The earliest time to retry.
  package let retryAfter: Date?
  /// The lines of the message; JSON has them as one text.
  package let lines: [String]

  private enum CodingKeys: CodingKey {
    case code, message, hint, problem, isRetryable, retryAfter
  }

  /// Creates the JSON form of an error.
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
