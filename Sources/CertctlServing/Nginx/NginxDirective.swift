/// A directive of an nginx configuration, simple or with a block.
struct NginxDirective: Sendable, Equatable {
  /// The name, such as `listen`.
  var name: String
  /// The arguments, without quotes.
  var arguments: [String]
  /// The directives in the braces; nil for a simple directive.
  var block: [NginxDirective]?

  /// The first argument.
  var value: String? { arguments.first }

  /// Parses a file that nginx has accepted.
  ///
  /// nginx has already checked the file, so errors are not reported: invalid text ends the list.
  static func parse(_ text: String) -> [NginxDirective] {
    var words = NginxWords(text)
    return parse(&words, depth: 0)
  }

  private static func parse(_ words: inout NginxWords, depth: Int) -> [NginxDirective] {
    var directives: [NginxDirective] = []
    var current: [String] = []
    while let word = words.next() {
      switch word {
      case .text(let text): current.append(text)
      case .semicolon:
        if let name = current.first {
          directives.append(NginxDirective(name: name, arguments: Array(current.dropFirst())))
        }
        current = []
      case .open:
        // Lua code is not a list of directives.
        let isCode = current.first?.hasSuffix("_by_lua_block") ?? false
        if isCode { words.skipBlock() }
        let block = isCode || depth > 64 ? [] : parse(&words, depth: depth + 1)
        if let name = current.first {
          directives.append(
            NginxDirective(name: name, arguments: Array(current.dropFirst()), block: block))
        }
        current = []
      case .close: return directives
      }
    }
    return directives
  }
}

/// Splits an nginx configuration file into words, like nginx itself (`ngx_conf_read_token`).
struct NginxWords {
  enum Word: Equatable {
    case text(String)
    case semicolon
    case open
    case close
  }

  private let bytes: [UInt8]
  private var index = 0
  private var start = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  /// The byte range of the last word, including quotes.
  var range: Range<Int> { start..<min(index, bytes.count) }

  /// Returns the next word; nil at the end.
  mutating func next() -> Word? {
    while index < bytes.count {
      start = index
      switch bytes[index] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
        index += 1
      case UInt8(ascii: "#"):
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
      case UInt8(ascii: ";"): return single(.semicolon)
      case UInt8(ascii: "{"): return single(.open)
      case UInt8(ascii: "}"): return single(.close)
      case UInt8(ascii: "\""), UInt8(ascii: "'"): return quoted(bytes[index])
      default: return plain()
      }
    }
    return nil
  }

  /// Skips to the end of the block that was just opened.
  mutating func skipBlock() {
    var depth = 1
    while depth > 0, index < bytes.count {
      if bytes[index] == UInt8(ascii: "{") { depth += 1 }
      if bytes[index] == UInt8(ascii: "}") { depth -= 1 }
      index += 1
    }
  }

  private mutating func single(_ word: Word) -> Word {
    index += 1
    return word
  }

  private mutating func quoted(_ quote: UInt8) -> Word {
    index += 1
    var text: [UInt8] = []
    while index < bytes.count, bytes[index] != quote {
      if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count {
        unescape(into: &text)
      } else {
        text.append(bytes[index])
        index += 1
      }
    }
    index += 1
    return .text(String(decoding: text, as: UTF8.self))
  }

  private mutating func plain() -> Word {
    var text: [UInt8] = []
    loop: while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"),
        UInt8(ascii: ";"):
        break loop
      case UInt8(ascii: "{"):
        // "${name}" is part of the word.
        guard text.last == UInt8(ascii: "$") else { break loop }
        while index < bytes.count, bytes[index] != UInt8(ascii: "}") {
          text.append(bytes[index])
          index += 1
        }
        continue
      case UInt8(ascii: "\\") where index + 1 < bytes.count:
        text.append(bytes[index])
        index += 1
      default: break
      }
      text.append(bytes[index])
      index += 1
    }
    return .text(String(decoding: text, as: UTF8.self))
  }

  /// Reads an escape sequence in quotes; nginx keeps the backslash before unknown letters.
  private mutating func unescape(into text: inout [UInt8]) {
    let letters: [UInt8: UInt8] = [
      UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "'"): UInt8(ascii: "'"),
      UInt8(ascii: "\\"): UInt8(ascii: "\\"), UInt8(ascii: "t"): UInt8(ascii: "\t"),
      UInt8(ascii: "r"): UInt8(ascii: "\r"), UInt8(ascii: "n"): UInt8(ascii: "\n"),
    ]
    if let letter = letters[bytes[index + 1]] {
      text.append(letter)
      index += 2
    } else {
      text.append(bytes[index])
      index += 1
    }
  }
}
