import TestSupport
import Testing

@testable import CertctlServing

@Suite struct ExistingNginxConfigurationTests {
  private func surroundings(
    _ text: String, hasIPv6: Bool = true, ignoring: String = "/own.conf"
  ) -> ExistingNginxConfiguration {
    var machine = ExistingNginxConfiguration.Machine()
    machine.hasIPv6 = hasIPv6
    let configuration = NginxConfiguration(
      main: "/etc/nginx/nginx.conf",
      texts: [
        "/etc/nginx/nginx.conf":
          "http { server_tokens off; include sites/*.conf; include /own.conf; }",
        "/etc/nginx/sites/a.conf": text,
        "/own.conf": "server { listen 80 default_server; server_name own.test; }",
      ])
    return ExistingNginxConfiguration(configuration, machine: machine) { $0 == ignoring }
  }

  @Test func `others' servers are found with their files, certctl's own are not`() throws {
    let found = surroundings("server { server_name A.test b.test; } keepalive_timeout 3;")
    #expect(found.servers.count == 1)
    #expect(found.servers[0].file == "/etc/nginx/sites/a.conf")
    #expect(found.servers[0].names == ["a.test", "b.test"])
    #expect(found.servers[0].listens.map(\.port) == [80], "nginx's own port")
    #expect(found.httpDirectives.isSuperset(of: ["server_tokens", "keepalive_timeout"]))
    let conflicts = found.conflicts(with: try Site.sample("b.test", "c.test"))
    #expect(conflicts.map(\.host) == ["b.test"])
    #expect(found.conflicts(with: try Site.sample("b.test") { $0.httpPort = 81 }).isEmpty)
    #expect(found.unspokenDefault(80) == "/etc/nginx/sites/a.conf")
    #expect(found.unspokenDefault(443) == nil)
  }

  @Test func `listen addresses include those of other servers`() {
    #expect(surroundings("").addresses(80, isTLS: false) == ["*", "[::]"])
    #expect(surroundings("", hasIPv6: false).addresses(80, isTLS: false) == ["*"])
    #expect(
      surroundings("server { listen [::]:80 ipv6only=off; }").addresses(80, isTLS: false) == [
        "[::]"
      ],
      "that socket has IPv4, and a second one could not be opened")
    #expect(
      surroundings("server { listen 192.0.2.1:443 ssl; listen 0.0.0.0:443 ssl; }").addresses(
        443, isTLS: true)
        == ["*", "[::]", "192.0.2.1"])
    #expect(
      surroundings("server { listen unix:/run/x; listen 1.2.3.4:443 quic; }").addresses(
        443, isTLS: true)
        == ["*", "[::]"])
  }

  @Test func `default servers are found per address`() {
    let found = surroundings(
      "server { listen 443 ssl default_server; listen [::]:443 quic reuseport; listen [::1] default; }"
    )
    #expect(found.hasDefault("*", 443) && !found.hasDefault("[::]", 443))
    #expect(found.hasDefault("[::1]", 80))
    #expect(!found.hasDefault("*", 443, isQUIC: true))
    #expect(found.reusesPort("[::]", 443) && !found.reusesPort("*", 443))
    #expect(found.lacksHTTP2("*", 443))
    #expect(found.unspokenDefault(443) == nil)
  }

  @Test func `resolvers, hosts and IPv6 are read from system files`() {
    let machine = ExistingNginxConfiguration.Machine(
      resolvConf: """
        # comment
        search example.com
        nameserver 127.0.0.11 ; x
        nameserver fd00::53
        nameserver fe80::1%eth0
        nameserver
        nameserver 1.2.3.4;evil
        """,
      hosts:
        "127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\n10.0.0.9 nas NAS.lan # x\nfe80::1%x bad\nfd00::1 six\n10.0.0.6 six\n",
      ifInet6: "")
    #expect(machine.resolvers == ["127.0.0.11", "[fd00::53]", "1.2.3.4"])
    #expect(machine.hosts["nas.lan"] == "10.0.0.9" && machine.hosts["localhost"] == "127.0.0.1")
    #expect(machine.hosts["six"] == "10.0.0.6" && machine.hosts["bad"] == nil)
    #expect(!machine.hasIPv6)
  }
}
