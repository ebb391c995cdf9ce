internal import Glibc

/// An error between this process and its host: a file, a socket, a lock or a transfer.
public struct HostError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure: an open set, so that a new kind does not break a caller.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// The name in JSON output and logs.
    public let rawValue: String

    /// Creates a code from its raw value.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A system call failed for a reason without a code of its own; see `errnoCode`.
    public static let io = Code(rawValue: "io")
    /// The system denied permission (EACCES, EPERM, EROFS).
    public static let permissionDenied = Code(rawValue: "permissionDenied")
    /// A file or directory does not exist.
    public static let notFound = Code(rawValue: "notFound")
    /// A file to be created already exists.
    public static let alreadyExists = Code(rawValue: "alreadyExists")
    /// No space or quota is left.
    public static let diskFull = Code(rawValue: "diskFull")
    /// A file exceeds its reader's limit.
    public static let fileTooLarge = Code(rawValue: "fileTooLarge")
    /// certctl refuses to use a name or path.
    public static let unsafePath = Code(rawValue: "unsafePath")
    /// Another process listens on the address.
    public static let addressInUse = Code(rawValue: "addressInUse")
    /// Another process, or another task of this process, holds the lock.
    public static let lockHeld = Code(rawValue: "lockHeld")
    /// The operation took too long.
    public static let timedOut = Code(rawValue: "timedOut")
    /// A host name does not resolve to an address.
    public static let resolveFailed = Code(rawValue: "resolveFailed")
    /// The connection was refused, or the address is unreachable.
    public static let connectFailed = Code(rawValue: "connectFailed")
    /// The TLS handshake or the verification of the certificate failed.
    public static let tlsFailed = Code(rawValue: "tlsFailed")
    /// The response exceeds the limit.
    public static let responseTooLarge = Code(rawValue: "responseTooLarge")
    /// A URL is invalid, or its scheme is neither http nor https.
    public static let unsupportedURL = Code(rawValue: "unsupportedURL")
    /// The connection ended before the request was sent, so the server has not seen it.
    public static let requestNotSent = Code(rawValue: "requestNotSent")
    /// The connection ended after the request was sent, so the server may have processed it.
    public static let transferFailed = Code(rawValue: "transferFailed")
    /// A redirect must not be followed: it leads to http or to no URL, or there are too many.
    public static let redirectRefused = Code(rawValue: "redirectRefused")
    /// A request cannot be written, such as one with a line break in a header.
    public static let invalidRequest = Code(rawValue: "invalidRequest")
    /// A response cannot be parsed.
    public static let malformedAnswer = Code(rawValue: "malformedAnswer")
    /// A file of trusted certificates cannot be used.
    public static let badCABundle = Code(rawValue: "badCABundle")
    /// A host name cannot be converted to ASCII.
    public static let badName = Code(rawValue: "badName")
    /// A system library is missing or too old.
    public static let missingLibrary = Code(rawValue: "missingLibrary")
    /// The client was closed.
    public static let closed = Code(rawValue: "closed")
  }

  /// The kind of failure.
  public let code: Code
  /// The operation that failed, in the words that follow "cannot", such as "write".
  public let operation: String
  /// The path, address or URL of the operation.
  public let subject: String?
  /// The system's error number, if a system call failed.
  public let errnoCode: Int32?
  /// The cause, from the system, a library, the peer or certctl.
  public let detail: String?
  /// The user's next step.
  public let hint: String?
  /// Whether the same operation may succeed later without any change.
  public let isRetryable: Bool

  /// Creates an error; by default the code determines `isRetryable`.
  public init(
    _ code: Code, operation: String, subject: String? = nil, errnoCode: Int32? = nil,
    detail: String? = nil, hint: String? = nil, isRetryable: Bool? = nil
  ) {
    self.code = code
    self.operation = operation
    self.subject = subject
    self.errnoCode = errnoCode
    self.detail = detail
    self.hint = hint
    self.isRetryable = isRetryable ?? Self.retryable.contains(code)
  }

  /// The message without the hint: "cannot write /a/b: no space left on device".
  public var description: String {
    var text = "cannot \(operation)"
    if let subject { text += " \(subject)" }
    if let detail { text += ": \(detail)" }
    return text
  }

  private static let retryable: Set<Code> = [
    .lockHeld, .timedOut, .resolveFailed, .connectFailed, .requestNotSent,
    .transferFailed, .addressInUse,
  ]
}

extension HostError {
  /// Creates the error of a system call that failed with `number`.
  package init(errno number: Int32, operation: String, subject: String?, hint: String? = nil) {
    let code: Code =
      switch number {
      case EACCES, EPERM, EROFS: .permissionDenied
      case ENOENT: .notFound
      case EEXIST: .alreadyExists
      case ENOSPC, EDQUOT: .diskFull
      case EADDRINUSE: .addressInUse
      case ETIMEDOUT: .timedOut
      case ELOOP: .unsafePath
      default: .io
      }
    self.init(
      code, operation: operation, subject: subject, errnoCode: number,
      detail: Self.text(ofErrno: number), hint: hint)
  }

  /// Returns the system's text for an error number.
  package static func text(ofErrno number: Int32) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress, unsafe strerror_r(number, start, buffer.count) == 0
      else { return "error \(number)" }
      let text = unsafe String(cString: start)
      // The text follows a colon in a message. Abbreviations such as RPC stay as they are.
      return text.dropFirst().first?.isUppercase == true
        ? text : text.prefix(1).lowercased() + text.dropFirst()
    }
  }
}
