import ACME
import FoundationEssentials
import TestSupport
import Testing

@Suite struct IdentifierTests {
  @Test(arguments: [
    ("example.com", "example.com"), ("EXAMPLE.Com.", "example.com"),
    (" example.com ", "example.com"),
    ("*.Example.com", "*.example.com"), ("bücher.example", "xn--bcher-kva.example"),
    ("*.bücher.example", "*.xn--bcher-kva.example"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("localhost", "localhost"), ("a-b.3com.example", "a-b.3com.example"),
    (
      String(repeating: "a", count: 63) + ".example", String(repeating: "a", count: 63) + ".example"
    ),
  ])
  func `domains are normalized`(text: String, value: String) throws {
    let identifier = try Identifier(parsing: text)
    #expect(identifier == .dns(value))
    #expect(identifier.isWildcard == value.hasPrefix("*."))
  }

  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("[2001:db8::1]", "2001:db8::1"),
    ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
    ("2001:db8:0:0:0:0:0:1", "2001:db8::1"), ("::", "::"), ("0:0:0:0:0:0:0:1", "::1"),
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
    ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("2001:0db8::0001", "2001:db8::1"),
    ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
  ])
  func `IP addresses are normalized as in RFC 5952`(text: String, value: String) throws {
    #expect(try Identifier(parsing: text) == .ip(value))
  }

  @Test(arguments: [
    ("", "empty"), ("  ", "empty"), ("a@example.com", "e-mail"), ("https://example.com/x", "URL"),
    ("example.com/x", "slash"), ("10.0.0.0/8", "slash"), ("a.example,b.example", "comma"),
    ("a.example b.example", "space"), ("example.com:443", "port"), ("a..example", "empty label"),
    ("１.２.３.４", "non-ASCII digits"),
    (".example", "empty label"), ("_dmarc.example.com", "underscore"), ("-a.example", "hyphen"),
    ("a-.example", "hyphen"), ("*", "label"), ("*.", "label"), ("*.*.example", "label"),
    ("a.*.example", "label"), ("a*.example", "label"), ("*example.com", "label"), (".", "no name"),
    ("*.192.0.2.1", "wildcard"), ("192.0.2.256", "IPv4"), ("192.0.2", "IPv4"),
    ("192.0.02.1", "IPv4"),
    ("1.2.3.4.5", "IPv4"), ("2001:db8:::1", "IPv6"), ("1:2:3:4:5:6:7:8:9", "IPv6"),
    ("fe80::1%eth0", "zone"),
    ("12345::", "IPv6"), ("a!b.example", "letters"), ("a;b.example", "comma"),
    ("a$b.example", "letters"),
    ("exa\u{1}mple.com", "control"),
    (String(repeating: "a", count: 64) + ".example", "63 bytes"),
    (String(repeating: "abcdefg.", count: 32) + "example", "253 bytes"),
  ])
  func `an invalid name is rejected with a reason`(text: String, reason: String) {
    let error = #expect(throws: ACMEError.self) { _ = try Identifier(parsing: text) }
    #expect(error?.code == .badName)
    expectText(error?.description, mentions: reason)
  }

  @Test func `pasted URLs and e-mail addresses get a hint with the name`() {
    func hint(_ text: String) -> String? {
      do {
        _ = try Identifier(parsing: text)
        return nil
      } catch {
        return error.hint
      }
    }
    for text in ["https://example.com:8443/x", "me@example.com", "example.com:443"] {
      let words = hint(text)?.split { $0 == " " || $0 == ":" }
      #expect(words?.contains("example.com") == true, "\(text)")
    }
  }

  @Test func `parsing random text is idempotent`() {
    // Random text is rejected, or parsed to a name that parses to itself.
    var seed: UInt64 = 42
    let letters = Array("ab.*:-_@/[]0129%ü\u{0}\u{202e} ,")
    for _ in 0..<3000 {
      var text = ""
      for _ in 0..<(seed % 14) {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        text.append(letters[Int(seed >> 33) % letters.count])
      }
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      guard let identifier = try? Identifier(parsing: text) else { continue }
      #expect((try? Identifier(parsing: identifier.value)) == identifier, "\(text)")
    }
  }
}
