import CertctlBase
import TestSupport
import Testing

@testable import CertctlSystem

/// Parsing of web services' XML with libexpat.
struct XMLTreeTests {
  private func tree(_ text: String) throws -> XMLTree { try XMLTree(parsing: Array(text.utf8)) }

  @Test func `elements, attributes and text are parsed`() throws {
    let tree = try tree(
      """
      <?xml version="1.0" encoding="UTF-8"?>
      <!-- an answer -->
      <Answer xmlns="https://example.com/" Status="OK">
        <n:Zone xmlns:n="https://example.com/n" Id='1&amp;2'>a &lt; b<![CDATA[ & <c>]]>&#233;</n:Zone>
        <Zone Id="3"/>
      </Answer>
      """)
    #expect(tree.name == "Answer")
    #expect(tree.attributes["Status"] == "OK")
    #expect(tree.all("Zone").map { $0.attributes["Id"] } == ["1&2", "3"])
    #expect(tree["Zone"]?.text == "a < b & <c>é")
    #expect(tree["Nothing"] == nil)
  }

  @Test func `the declared encoding is used`() throws {
    let head = Array(#"<?xml version="1.0" encoding="ISO-8859-1"?><a>"#.utf8)
    #expect(try XMLTree(parsing: head + [0xe9] + Array("</a>".utf8)).text == "é")
  }

  @Test(arguments: [
    "", "no markup", "<a>", "<a></b>", "<a/><b/>", "<a b=c/>", "<a>&unknown;</a>", "<a>\u{1}</a>",
  ])
  func `malformed XML is rejected with its line`(_ text: String) {
    let error = #expect(throws: HostError.self) { try tree(text) }
    #expect(error?.code == .malformedXML)
    expectText(error?.detail, startsWith: "line 1: ")
  }

  @Test func `a DTD is rejected, and with it all custom entities`() {
    let laughs = (1...20).map { #"<!ENTITY l\#($0) "&l\#($0 - 1);&l\#($0 - 1);">"# }.joined()
    for text in [
      #"<!DOCTYPE a [<!ENTITY l0 "ha">\#(laughs)]><a>&l20;</a>"#,
      #"<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>"#,
      #"<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>"#,
    ] {
      let error = #expect(throws: HostError.self) { try tree(text) }
      expectText(error?.detail, mentions: "DTD")
    }
  }

  @Test func `XML that is too deep, too long or too large is rejected`() throws {
    func nested(_ levels: Int) -> String {
      String(repeating: "<a>", count: levels) + String(repeating: "</a>", count: levels)
    }
    _ = try tree(nested(XMLTree.mostLevels))
    #expect(throws: HostError.self) { try tree(nested(XMLTree.mostLevels + 1)) }
    let many = String(repeating: "<a/>", count: XMLTree.mostElements)
    #expect(throws: HostError.self) { try tree("<b>\(many)</b>") }
    let large = String(repeating: " ", count: XMLTree.mostBytes)
    #expect(throws: HostError.self) { try tree("<b>\(large)</b>") }
  }

  @Test func `escaped text survives parsing`() throws {
    let text = #"<a> & "b" 'c' é"#
    let tree = try tree(#"<x y="\#(XMLTree.escaped(text))">\#(XMLTree.escaped(text))</x>"#)
    #expect(tree.text == text)
    #expect(tree.attributes["y"] == text)
  }
}
