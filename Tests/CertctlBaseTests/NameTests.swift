import CertctlBase
import Testing

@Suite struct NameTests {
  @Test(arguments: [
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.Example", "xn--bcher-kva.example"),
    ("straße.example", "xn--strae-oqa.example"),
    ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ("Plain.Example", "plain.example"), ("Plain_Text.Example", "plain_text.example"),
    ("ΑΣ.example", "xn--mxa0b.example"), ("ü。example", "xn--tda.example"), ("ü.", "xn--tda."),
    ("xn--bcher-kva.ü", "xn--bcher-kva.xn--tda"),
    // Symbols, which only IDNA 2003 allows.
    ("💩.example", "xn--ls8h.example"), ("☃.Example", "xn--n3h.example"),
  ])
  func `an international name is converted to ASCII`(_ name: String, _ ascii: String) throws {
    #expect(try InternationalName.toASCII(name) == ascii)
  }

  @Test(arguments: [
    "a℀b.example", "ü b.example", "ü/x.example", "\u{FFFD}.example", "ü\u{0}", "ü@x.example",
    "-ü.example", "ab--ü.example", "xn--a.ü.example", "ex\u{200C}ample.ü",
    // The symbol requires IDNA 2003, which would turn "ß" into "ss".
    "straße💩.example",
    String(repeating: "ü", count: 64) + ".example",
    String(repeating: "ü.", count: 130) + "example",
  ])
  func `an invalid international name is rejected`(_ name: String) throws {
    let error = try #require(throws: HostError.self) { try InternationalName.toASCII(name) }
    #expect(error.code == .badName)
  }

  @Test func `a URL is split into its parts`() throws {
    let parts = try URLParts("HTTPS://CA.Example/dir/a?b=c")
    #expect(parts.scheme == "https")
    #expect(parts.host == "ca.example")
    #expect(parts.port == 443)
    #expect(!parts.isLoopback)
  }

  @Test(arguments: [
    "http://127.0.0.1:80/", "http://[::1]:14000/dir", "http://localhost/", "http://a.localhost./",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://0.0.0.0/", "http://[::]/",
    "http://2130706433/", "http://127.1/", "http://0x7f.1/", "http://127.1./", "http://LOCALHOST/",
    "http://[0:0::1]/",
  ])
  func `loopback addresses are recognized`(_ url: String) throws {
    #expect(try URLParts(url).isLoopback)
  }

  @Test func `ambiguous hosts and ports are normalized`() throws {
    let parts = try URLParts("https://[2001:DB8:0::1]:8443")
    #expect(parts.host == "2001:db8::1")
    #expect(parts.port == 8443)
    #expect(try URLParts("http://ca.example.:/#x").port == 80)
    #expect(try URLParts("http://ca.example./").host == "ca.example.")
  }

  @Test(arguments: [
    "http://127.0.0.1.example/", "http://127.example/", "http://[::2]/",
    "http://[::ffff:192.0.2.1]/", "http://[7f00:1::]/", "http://0.0.0.1/",
  ])
  func `hosts that only look like loopback are not loopback`(_ url: String) throws {
    #expect(try !URLParts(url).isLoopback)
  }

  @Test(arguments: [
    "", "file:///etc/passwd", "//host/", "https://u:p@host/", "ftp://host/", "https://u@host/",
    "https://@host/", "https://:u:p@host/", "https:///", "https:host", "https:/host/",
    "https://:80/",
    "https://host:65536/", "https://host:x/", "https://h%6fst/", "https://bücher.example/",
    "https://ho st/", "https://host\\@u:p/", "https://host/a\u{0}", "https://[fe80::1%25eth0]/",
    "https://[::1", "https://[v1.a]/", "https://[127.0.0.1]/", "https://a,b/", "https://a*b/",
    "https://host/%zz",
  ])
  func `an invalid or non-web URL is rejected`(_ url: String) throws {
    let error = try #require(throws: HostError.self) { try URLParts(url) }
    #expect(error.code == .unsupportedURL)
    #expect(!error.description.contains("u:p"))
  }

  @Test func `a relative reference is resolved`() throws {
    let base = "https://ca.example/acme/order/1"
    #expect(try URLParts.resolve("../authz", against: base) == "https://ca.example/acme/authz")
    #expect(try URLParts.resolve("http://b.example/", against: base) == "http://b.example/")
    #expect(try URLParts.resolve("/x/../y?z", against: base) == "https://ca.example/y?z")
    #expect(try URLParts.resolve("//b.example/x", against: base) == "https://b.example/x")
    #expect(
      try URLParts.resolve("order/2", against: "https://ca.example") == "https://ca.example/order/2"
    )
    #expect(throws: HostError.self) { try URLParts.resolve("x", against: "no base") }
  }
}
