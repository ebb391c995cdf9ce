internal import FoundationEssentials
internal import Glibc

/// An encoder for the DER that ``TestCA`` needs.
enum DERText {
  static func tagged(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    var length: [UInt8] = []
    if content.count < 128 {
      length = [UInt8(content.count)]
    } else {
      var rest = content.count
      while rest > 0 {
        length.insert(UInt8(rest & 255), at: 0)
        rest >>= 8
      }
      length.insert(0x80 | UInt8(length.count), at: 0)
    }
    return [tag] + length + content
  }

  static func sequence(_ parts: [[UInt8]]) -> [UInt8] { tagged(0x30, parts.flatMap { $0 }) }

  static func integer(_ content: [UInt8]) -> [UInt8] { tagged(0x02, content) }

  /// Returns the content of a positive INTEGER.
  static func minimal(_ magnitude: [UInt8]) -> [UInt8] {
    var bytes = Array(magnitude.drop { $0 == 0 })
    if bytes.isEmpty || bytes[0] >= 0x80 { bytes.insert(0, at: 0) }
    return bytes
  }

  static func oid(_ arcs: [Int]) -> [UInt8] {
    var content = [UInt8(arcs[0] * 40 + arcs[1])]
    for arc in arcs.dropFirst(2) {
      var part = [UInt8(arc & 127)]
      var rest = arc >> 7
      while rest > 0 {
        part.insert(UInt8(rest & 127) | 0x80, at: 0)
        rest >>= 7
      }
      content += part
    }
    return tagged(0x06, content)
  }

  /// Returns a Name with one common name; an empty one for nil.
  static func name(_ common: String?) -> [UInt8] {
    guard let common else { return sequence([]) }
    let attribute = sequence([oid([2, 5, 4, 3]), tagged(0x0c, [UInt8](common.utf8))])
    return sequence([tagged(0x31, attribute)])
  }

  /// Returns a UTCTime or, from 2050 on, a GeneralizedTime (RFC 5280, section 4.1.2.5).
  static func time(_ date: Date) -> [UInt8] {
    var seconds = time_t(date.timeIntervalSince1970)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let two = { (number: Int32) in (number < 10 ? "0" : "") + String(number) }
    let year = parts.tm_year + 1900
    let rest =
      two(parts.tm_mon + 1) + two(parts.tm_mday) + two(parts.tm_hour) + two(parts.tm_min)
      + two(parts.tm_sec) + "Z"
    return year < 2050
      ? tagged(0x17, [UInt8]((two(year % 100) + rest).utf8))
      : tagged(0x18, [UInt8]((String(year) + rest).utf8))
  }

  static func address(_ text: String) -> [UInt8] {
    var four = [UInt8](repeating: 0, count: 4)
    if inet_pton(AF_INET, text, &four) == 1 { return four }
    var six = [UInt8](repeating: 0, count: 16)
    return inet_pton(AF_INET6, text, &six) == 1 ? six : []
  }

  static func `extension`(_ arcs: [Int], critical: Bool, _ value: [UInt8]) -> [UInt8] {
    sequence([oid(arcs), critical ? [0x01, 0x01, 0xff] : [], tagged(0x04, value)])
  }
}
