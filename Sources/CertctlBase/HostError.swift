internal import Glibc

/// What went wrong between this process and its host: a file, a socket, a lock or a transfer.
public struct HostError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks no caller.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// The word that JSON output and logs show.
    public let rawValue: String

    /// Makes a code of a word.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A system call failed for a reason that has no code of its own; see `errnoCode`.
    public static let io = Code(rawValue: "io")
    /// The system forbids it (EACCES, EPERM, EROFS).
    public static let permissionDenied = Code(rawValue: "permissionDenied")
    /// A file or folder is not there.
    public static let notFound = Code(rawValue: "notFound")
    /// A file that must be new is already there.
    public static let alreadyExists = Code(rawValue: "alreadyExists")
    /// No space or quota is left.
    public static let diskFull = Code(rawValue: "diskFull")
    /// A file is bigger than its reader allows.
    public static let fileTooLarge = Code(rawValue: "fileTooLarge")
    /// A name or path that we refuse to touch.
    public static let unsafePath = Code(rawValue: "unsafePath")
    /// Somebody else listens on the address.
    public static let addressInUse = Code(rawValue: "addressInUse")
    /// Another process, or another task of this one, holds the lock.
    public static let lockHeld = Code(rawValue: "lockHeld")
    /// It took longer than allowed.
    public static let timedOut = Code(rawValue: "timedOut")
    /// A host name has no address.
    public static let resolveFailed = Code(rawValue: "resolveFailed")
    /// The connection was refused, or its address cannot be reached.
    public static let connectFailed = Code(rawValue: "connectFailed")
    /// No trustworthy TLS session came about.
    public static let tlsFailed = Code(rawValue: "tlsFailed")
    /// The answer is larger than allowed.
    public static let responseTooLarge = Code(rawValue: "responseTooLarge")
    /// An address that cannot be understood, or of another scheme than http and https.
    public static let unsupportedURL = Code(rawValue: "unsupportedURL")
    /// The connection ended before the request had been sent; the server knows nothing of it.
    public static let requestNotSent = Code(rawValue: "requestNotSent")
    /// The connection ended after the request had been sent; the server may have acted on it.
    public static let transferFailed = Code(rawValue: "transferFailed")
    /// A redirect that must not be followed: to http, to no address, or one too many.
    public static let redirectRefused = Code(rawValue: "redirectRefused")
    /// A request that cannot be written, such as one with a line break in a header.
    public static let invalidRequest = Code(rawValue: "invalidRequest")
    /// What another side sent cannot be read.
    public static let malformedAnswer = Code(rawValue: "malformedAnswer")
    /// A file with certificates that are to be trusted cannot be used.
    public static let badCABundle = Code(rawValue: "badCABundle")
    /// A host name that cannot be written in ASCII.
    public static let badName = Code(rawValue: "badName")
    /// A library of the system is missing or too old.
    public static let missingLibrary = Code(rawValue: "missingLibrary")
    /// The client was closed.
    public static let closed = Code(rawValue: "closed")
  }

  /// The kind of failure.
  public let code: Code
  /// What was being done, in words that follow "cannot", such as "write".
  public let operation: String
  /// The path, address or URL that it was done to.
  public let subject: String?
  /// The system's error number, where a system call failed.
  public let errnoCode: Int32?
  /// What the system, the library or the other side said.
  public let detail: String?
  /// What the user may do about it.
  public let hint: String?
  /// Whether the same may succeed later without anybody changing anything.
  public let isRetryable: Bool

  /// Makes an error; `isRetryable` follows from the code unless it is given.
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

  /// One sentence, without the hint: "cannot write /a/b: No space left on device".
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
  /// The error of a system call that just failed with `number`.
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

  /// The system's words for an error number.
  package static func text(ofErrno number: Int32) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress, unsafe strerror_r(number, start, buffer.count) == 0
      else { return "error \(number)" }
      return unsafe String(cString: start)
    }
  }
}
