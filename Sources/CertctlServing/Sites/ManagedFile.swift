import CertctlCrypto
import CertctlStore

/// A file that certctl writes whole and marks as its own.
///
/// Its second line holds the SHA-256 of everything below, so that an edit by hand is noticed and
/// kept. That line alone is the mark: the sentence above it is for people and may be reworded.
package enum ManagedFile {
  /// Who wrote a file.
  package enum Owner: Sendable, Equatable {
    /// The file does not exist.
    case nobody
    /// certctl, and nobody has edited it since.
    case certctl
    /// certctl, but somebody has edited it since.
    case changed
    /// Somebody else.
    case other
  }

  private static let comment =
    "# Managed by certctl. If you edit this file, certctl will no longer overwrite it."
  private static let mark = "# certctl-sha256: "

  /// The first two lines of files that were written before the mark had certctl's name in it.
  private static let oldStart =
    "# Written by certctl. Changed by hand, it is left alone from then on.\n# sha256: "

  /// Returns the bytes of a managed file with this text.
  static func bytes(_ text: String) -> [UInt8] {
    Array("\(comment)\n\(mark)\(checksum(Array(text.utf8)))\n\(text)".utf8)
  }

  /// Returns who wrote a file with these bytes; nil stands for a missing file.
  package static func owner(of bytes: [UInt8]?) -> Owner {
    guard let bytes else { return .nobody }
    guard let rest = afterMark(bytes[...]) else {
      // Lines that somebody added above the mark are an edit like any other.
      return bytes.split(separator: newline).contains { $0.starts(with: mark.utf8) }
        ? .changed : .other
    }
    guard let end = rest.firstIndex(of: newline) else { return .changed }
    let body = Array(rest[rest.index(after: end)...])
    return Array(checksum(body).utf8) == Array(rest[..<end]) ? .certctl : .changed
  }

  private static let newline = UInt8(ascii: "\n")

  /// Returns what follows the mark, if it is on the second line, below a comment.
  private static func afterMark(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    if bytes.starts(with: oldStart.utf8) { return bytes.dropFirst(oldStart.utf8.count) }
    guard bytes.first == UInt8(ascii: "#"), let end = bytes.firstIndex(of: newline) else {
      return nil
    }
    let second = bytes[bytes.index(after: end)...]
    return second.starts(with: mark.utf8) ? second.dropFirst(mark.utf8.count) : nil
  }

  private static func checksum(_ bytes: [UInt8]) -> String { Digest.sha256(bytes).hexadecimal }
}
