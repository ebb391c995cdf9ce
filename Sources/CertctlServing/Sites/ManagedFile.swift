import CertctlCrypto
import CertctlStore

/// A file that certctl wrote whole, and that says so.
///
/// Its second line is the SHA-256 of all that follows, so that a change by hand is seen, and kept.
package enum ManagedFile {
  /// Whose file it is.
  package enum Owner: Sendable, Equatable {
    /// There is none.
    case nobody
    /// certctl's, as it wrote it.
    case certctl
    /// certctl's, changed since by somebody.
    case changed
    /// Somebody else's.
    case other
  }

  private static let first = "# Written by certctl. Changed by hand, it is left alone from then on."
  private static let mark = "# sha256: "

  /// The bytes of a file with this text.
  static func bytes(_ text: String) -> [UInt8] {
    Array("\(first)\n\(mark)\(checksum(Array(text.utf8)))\n\(text)".utf8)
  }

  /// Whose file these bytes are; nil is no file.
  package static func owner(of bytes: [UInt8]?) -> Owner {
    guard let bytes else { return .nobody }
    let prefix = Array("\(first)\n\(mark)".utf8)
    guard bytes.starts(with: prefix) else { return .other }
    let rest = bytes.dropFirst(prefix.count)
    guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return .changed }
    let body = Array(rest[rest.index(after: end)...])
    return Array(checksum(body).utf8) == Array(rest[..<end]) ? .certctl : .changed
  }

  private static func checksum(_ bytes: [UInt8]) -> String { Digest.sha256(bytes).hexadecimal }
}
