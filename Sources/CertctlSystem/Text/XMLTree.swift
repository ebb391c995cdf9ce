internal import CExpat
package import CertctlBase

/// An element of an XML document with its contents.
///
/// For the small responses of web services. Names lose their prefix; comments and processing
/// instructions are ignored. A document with a DTD is refused, so that there are no custom entities
/// and nothing is loaded from elsewhere.
package struct XMLTree: Sendable, Hashable {
  /// The element's name.
  package let name: String
  /// The attributes.
  package let attributes: [String: String]
  /// The child elements, in their order.
  package let children: [XMLTree]
  /// The text of the element, without that of its children.
  package let text: String

  /// The maximum size of a document in bytes.
  package static let mostBytes = 8 << 20
  /// The maximum nesting depth.
  package static let mostLevels = 64
  /// The maximum number of elements.
  package static let mostElements = 200_000

  /// Parses a document.
  ///
  /// - Parameter bytes: The document, in UTF-8 unless it declares another encoding.
  /// - Throws: `HostError` with code `malformedXML` for invalid XML, a DTD, or a document that is
  ///   too large or too deep; `missingLibrary` if libexpat is not installed.
  package init(parsing bytes: [UInt8]) throws(HostError) {
    let expat = try Expat.shared.get()
    guard bytes.count <= Self.mostBytes else {
      throw .xml("it is larger than \(Self.mostBytes) bytes")
    }
    guard let parser = unsafe expat.table.pointee.ParserCreate(nil) else {
      throw .xml("out of memory")
    }
    let builder = unsafe XMLTreeBuilder(expat, parser)
    let status = builder.parse(bytes)
    let line = unsafe expat.table.pointee.GetCurrentLineNumber(parser)
    let error = unsafe expat.text(ofErrorOf: parser)
    unsafe expat.table.pointee.ParserFree(parser)
    if let refusal = builder.refusal { throw .xml("line \(line): \(refusal)") }
    guard status == XML_STATUS_OK, let root = builder.root else {
      throw .xml("line \(line): \(error)")
    }
    self = root
  }

  fileprivate init(
    name: String, attributes: [String: String], children: [XMLTree], text: String
  ) {
    self.name = name
    self.attributes = attributes
    self.children = children
    self.text = text
  }

  /// Returns the first child element with this name.
  package subscript(_ name: String) -> XMLTree? { children.first { $0.name == name } }

  /// Returns all child elements with this name.
  package func all(_ name: String) -> [XMLTree] { children.filter { $0.name == name } }

  /// Escapes text for use between tags and in attributes.
  ///
  /// - Parameter text: Any text without control characters.
  /// - Returns: The text with `&`, `<`, `>` and quotes written as entities.
  package static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&apos;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension HostError.Code {
  /// An invalid XML document, or one that is refused.
  package static let malformedXML = HostError.Code(rawValue: "malformedXML")
}

extension HostError {
  fileprivate static func xml(_ detail: String) -> HostError {
    HostError(.malformedXML, operation: "parse the XML document", detail: detail)
  }
}

extension Expat {
  /// Returns the library's text for a parse error.
  fileprivate func text(ofErrorOf parser: XML_Parser) -> String {
    let code = unsafe table.pointee.GetErrorCode(parser)
    guard let words = unsafe table.pointee.ErrorString(code) else { return "error" }
    return unsafe String(cString: words)
  }
}

/// Builds the tree during parsing; used by one call, on one thread.
@safe
private final class XMLTreeBuilder {
  private struct Open {
    let name: String
    let attributes: [String: String]
    var children: [XMLTree] = []
    var text = ""
  }

  private let expat: Expat
  private let parser: XML_Parser
  private var open: [Open] = []
  private var count = 0
  private(set) var root: XMLTree?
  /// The reason for stopping the parser, other than a parse error.
  private(set) var refusal: String?

  init(_ expat: Expat, _ parser: XML_Parser) {
    self.expat = expat
    unsafe self.parser = parser
  }

  func parse(_ bytes: [UInt8]) -> XML_Status {
    unsafe expat.table.pointee.SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
    unsafe expat.table.pointee.SetElementHandler(
      parser,
      { context, name, attributes in
        guard let builder = unsafe XMLTreeBuilder.of(context), let name = unsafe name else {
          return
        }
        builder.start(unsafe String(cString: name), unsafe XMLTreeBuilder.pairs(attributes))
      }, { context, _ in unsafe XMLTreeBuilder.of(context)?.end() })
    unsafe expat.table.pointee.SetCharacterDataHandler(parser) { context, bytes, count in
      guard let builder = unsafe XMLTreeBuilder.of(context), let bytes = unsafe bytes else {
        return
      }
      let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: Int(count))
      builder.add(unsafe String(decoding: buffer, as: UTF8.self))
    }
    unsafe expat.table.pointee.SetStartDoctypeDeclHandler(parser) { context, _, _, _, _ in
      unsafe XMLTreeBuilder.of(context)?.refuse("a DTD is not allowed")
    }
    return unsafe bytes.withUnsafeBytes { buffer in
      unsafe expat.table.pointee.Parse(
        parser, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), 1)
    }
  }

  private func start(_ name: String, _ attributes: [String: String]) {
    guard refusal == nil else { return }
    count += 1
    if open.count >= XMLTree.mostLevels { return refuse("it is nested too deeply") }
    if count > XMLTree.mostElements { return refuse("it has too many elements") }
    open.append(Open(name: Self.local(name), attributes: attributes))
  }

  private func add(_ text: String) {
    if refusal == nil, !open.isEmpty { open[open.count - 1].text += text }
  }

  private func end() {
    guard refusal == nil, let last = open.popLast() else { return }
    let element = XMLTree(
      name: last.name, attributes: last.attributes, children: last.children, text: last.text)
    if open.isEmpty {
      root = element
    } else {
      open[open.count - 1].children.append(element)
    }
  }

  private func refuse(_ why: String) {
    refusal = refusal ?? why
    _ = unsafe expat.table.pointee.StopParser(parser, XML_Bool(XML_FALSE))
  }

  private static func of(_ context: UnsafeMutableRawPointer?) -> XMLTreeBuilder? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<XMLTreeBuilder>.fromOpaque(context).takeUnretainedValue()
  }

  /// Converts alternating names and values, terminated by a null pointer.
  private static func pairs(
    _ list: UnsafeMutablePointer<UnsafePointer<CChar>?>?
  ) -> [String: String] {
    var result: [String: String] = [:]
    guard var next = unsafe list else { return result }
    while let name = unsafe next[0], let value = unsafe next[1] {
      result[local(unsafe String(cString: name))] = unsafe String(cString: value)
      unsafe next += 2
    }
    return result
  }

  private static func local(_ name: String) -> String {
    name.utf8.lastIndex(of: UInt8(ascii: ":")).map { String(name[name.utf8.index(after: $0)...]) }
      ?? name
  }
}
