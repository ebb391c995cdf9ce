import CertctlBase
import Testing

@Suite struct IPAddressTests {
  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
    ("::", "::"), ("::1", "::1"), ("0:0:0:0:0:0:0:1", "::1"),
    ("2001:DB8::1", "2001:db8::1"), ("2001:0db8:0000::0001", "2001:db8::1"),
    // RFC 5952, sections 4.2.2 and 4.2.3: a single zero stays, the first longest run is shortened.
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
    // Section 5: an embedded IPv4 address is written in dotted form.
    ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("::ffff:c000:201", "::ffff:192.0.2.1"),
    ("::1.2.3.4", "::1.2.3.4"), ("::102:304", "::1.2.3.4"),
    ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
  ])
  func `an address has one canonical text`(_ text: String, _ canonical: String) throws {
    let address = try #require(IPAddress(text))
    #expect("\(address)" == canonical)
    #expect(IPAddress(canonical) == address)
    #expect(IPAddress(octets: address.octets) == address)
    #expect(address.isV6 == text.contains(":"))
  }

  @Test(arguments: [
    "", " ", "example.com", "192.0.2", "192.0.2.256", "192.0.2.1.1", "192.0.2.01", "192.00.2.1",
    "0x7f.0.0.1", "127.1", "2130706433", " 192.0.2.1", "192.0.2.1 ", "192.0.2.1\n", "192.0.2.1:80",
    "192.0.2.0/24", "+1.2.3.4", "1.2.3.4\u{0}", "١.٢.٣.٤", "[::1]", "::1%lo", "fe80::1%eth0", ":",
    ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "00001::", "::g", "::1::",
    "2001:db8:::1",
    "::1.2.3", "::01.2.3.4", "1.2.3.4::", "::1/128", "-1::",
  ])
  func `an invalid address is rejected`(_ text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test func `an address has four or sixteen octets`() {
    #expect(IPAddress(octets: [127, 0, 0, 1]).map { "\($0)" } == "127.0.0.1")
    for count in [0, 3, 5, 15, 17] {
      #expect(IPAddress(octets: .init(repeating: 1, count: count)) == nil)
    }
  }

  @Test(arguments: [
    ("127.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f000001", "127.0.0.1"),
    ("0177.0.0.1", "127.0.0.1"), ("192.0.2.1", "192.0.2.1"),
  ])
  func `short IPv4 forms are parsed as by inet_aton`(_ text: String, _ address: String) {
    #expect(IPAddress(shortForm: text).map { "\($0)" } == address)
  }

  @Test(arguments: ["", "127.0.0.1 x", "127.example", "1.2.3.4.5", "::1", "4294967296", "08.1.1.1"])
  func `an invalid short form is rejected`(_ text: String) {
    #expect(IPAddress(shortForm: text) == nil)
  }
}
