import CertctlBase
import CertctlHTTP
import Testing

/// curl must connect to the host that was checked before the request.
@Suite struct OriginTests {
  @Test(arguments: [
    "https://ca.example/dir", "HTTPS://CA.Example:443", "http://ca.example:8080/a?b=c#d",
    "http://ca.example.", "http://a_b.example/", "http://[::1]:14000/", "http://[0:0::1]/",
    "http://[::FFFF:7f00:1]/", "http://[2001:DB8::1]/", "http://127.1/", "http://0x7f.1/",
    "http://2130706433/", "http://0177.0.0.1/", "http://127.0.0.1/", "http://host:/",
    "http://host?x",
    "http://host#x", "http://1.2.3/", "http://256.1.1.1/", "http://1.2.3.4.5/", "http://08.1.1.1/",
    "https://xn--bcher-kva.example/",
  ])
  func `curl parses a URL as URLParts does`(_ url: String) throws {
    let parts = try URLParts(url)
    let origin = try Origin(url)
    #expect(origin.scheme == parts.scheme)
    // Compare addresses by value: curl keeps the hexadecimal form of "::ffff:…".
    let address = { (host: String) in IPAddress(host)?.description ?? host }
    #expect(address(origin.host) == address(parts.host))
    #expect(origin.port == parts.port)
  }

  @Test(arguments: [
    "", "file:///etc/passwd", "//host/", "https://u:p@host/", "ftp://host/", "https://ho st/",
  ])
  func `URLs other than http and https are rejected`(_ url: String) throws {
    let error = try #require(throws: HostError.self) { try Origin(url) }
    #expect(error.code == .unsupportedURL)
    #expect(!error.description.contains("u:p"))
  }
}
