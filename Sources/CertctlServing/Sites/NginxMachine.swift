import ACME
import CertctlSystem

extension ExistingNginxConfiguration {
  /// The machine that nginx runs on, a container perhaps, as far as its configuration depends on it.
  struct Machine: Sendable, Equatable {
    /// The name servers that it asks, as nginx writes them: IPv6 in brackets.
    var resolvers: [String] = []
    /// The names that it knows by itself, with an address each: nginx's own look-ups do not know
    /// these.
    var hosts: [String: String] = [:]
    /// Whether it has IPv6.
    var hasIPv6 = false

    /// A machine of which nothing is known.
    init() {}

    /// Reads the texts of a machine's own files; nil for one that is not there.
    ///
    /// - Parameters:
    ///   - resolvConf: `/etc/resolv.conf`.
    ///   - hosts: `/etc/hosts`.
    ///   - ifInet6: `/proc/net/if_inet6`, which lists the addresses.
    init(resolvConf: String?, hosts: String?, ifInet6: String?) {
      resolvers = Self.fields(resolvConf).compactMap { fields in
        guard fields.count >= 2, fields[0] == "nameserver",
          let address = try? Identifier(parsing: fields[1]), address.type == .ip
        else { return nil }
        return address.value.contains(":") ? "[\(address.value)]" : address.value
      }
      for fields in Self.fields(hosts) {
        // One with a zone, fe80::1%eth0, is no address for nginx.
        guard let address = try? Identifier(parsing: fields[0]), address.type == .ip else {
          continue
        }
        for name in fields.dropFirst() {
          let name = name.lowercased()
          // The first line counts, but for IPv4, which each upstream has.
          if let known = self.hosts[name], !known.contains(":") || address.value.contains(":") {
            continue
          }
          self.hosts[name] = address.value
        }
      }
      hasIPv6 = !Self.fields(ifInet6).isEmpty
    }

    /// The machine of a process, in whatever container it is; blocks.
    ///
    /// - Parameter pid: The process, as this host counts; of one that is not there or cannot be
    ///   looked at, this host.
    /// - Returns: The machine.
    static func of(_ pid: Int32) -> Machine {
      func text(_ path: String) -> String? {
        // Root in a container may have put anything there.
        RegularFile.read(path).map { String(decoding: $0, as: UTF8.self) }
      }
      let ofProcess = Machine(
        resolvConf: text("/proc/\(pid)/root/etc/resolv.conf"),
        hosts: text("/proc/\(pid)/root/etc/hosts"), ifInet6: text("/proc/\(pid)/net/if_inet6"))
      guard pid > 0, ofProcess != Machine() else {
        return Machine(
          resolvConf: text("/etc/resolv.conf"), hosts: text("/etc/hosts"),
          ifInet6: text("/proc/net/if_inet6"))
      }
      return ofProcess
    }

    /// The words of each line that has some, without comments.
    private static func fields(_ text: String?) -> [[String]] {
      (text ?? "").split(separator: "\n").compactMap { line in
        let fields = line.prefix { $0 != "#" && $0 != ";" }
          .split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
        return fields.isEmpty ? nil : fields
      }
    }
  }
}
