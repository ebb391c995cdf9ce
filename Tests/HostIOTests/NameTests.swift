import HostIO
import Testing

@Suite struct NameTests {
  @Test(arguments: [
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.Example", "xn--bcher-kva.example"),
    ("straße.example", "xn--strae-oqa.example"),
    ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ("Plain.Example", "plain.example"),
  ])
  func `a name is written in ASCII`(_ name: String, _ ascii: String) throws {
    #expect(try InternationalName.toASCII(name) == ascii)
  }

  @Test(arguments: ["a℀b.example", "ü b.example", "ü/x.example", "\u{FFFD}.example", "ü\u{0}"])
  func `a name that stands for no host is refused`(_ name: String) throws {
    let error = try #require(throws: HostError.self) { try InternationalName.toASCII(name) }
    #expect(error.code == .badName)
  }

  @Test func `a URL is taken apart`() throws {
    let parts = try URLParts("HTTPS://CA.Example/dir/a?b=c")
    #expect(parts.scheme == "https")
    #expect(parts.host == "ca.example")
    #expect(parts.port == 443)
    #expect(parts.path == "/dir/a")
    #expect(parts.query == "b=c")
    #expect(!parts.isLoopback)
  }

  @Test(arguments: [
    "http://127.0.0.1:80/", "http://[::1]:14000/dir", "http://localhost/", "http://a.localhost./",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://0.0.0.0/", "http://[::]/",
    "http://2130706433/", "http://127.1/",
  ])
  func `loopback is known`(_ url: String) throws {
    #expect(try URLParts(url).isLoopback)
  }

  @Test(arguments: [
    "http://127.0.0.1.example/", "http://127.example/", "http://[::2]/",
    "http://[::ffff:192.0.2.1]/", "http://[7f00:1::]/", "http://0.0.0.1/",
  ])
  func `what looks like loopback is not`(_ url: String) throws {
    #expect(try !URLParts(url).isLoopback)
  }

  @Test(arguments: ["", "file:///etc/passwd", "//host/", "https://u:p@host/", "ftp://host/"])
  func `what is no web address is refused`(_ url: String) throws {
    let error = try #require(throws: HostError.self) { try URLParts(url) }
    #expect(error.code == .unsupportedURL)
    #expect(!error.description.contains("u:p"))
  }

  @Test func `a relative reference is resolved`() throws {
    let base = "https://ca.example/acme/order/1"
    #expect(try URLParts.resolve("../authz", against: base) == "https://ca.example/acme/authz")
    #expect(try URLParts.resolve("http://b.example/", against: base) == "http://b.example/")
  }
}
