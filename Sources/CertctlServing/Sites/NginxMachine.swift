import ACME
import CertctlSystem

extension ExistingNginxConfiguration {
  /// The properties of the host or container of an nginx that affect its configuration.
  struct Machine: Sendable, Equatable {
    /// The name servers, as nginx writes them: IPv6 in brackets.
    var resolvers: [String] = []
    /// The names of `/etc/hosts`, with one address each.
    ///
    /// nginx's resolver does not read this file.
    var hosts: [String: String] = [:]
    /// Whether it has IPv6.
    var hasIPv6 = false

    /// Creates a machine without known properties.
    init() {}

    /// Reads the contents of system files; nil for a missing file.
    ///
    /// - Parameters:
    ///   - resolvConf: `/etc/resolv.conf`.
    ///   - hosts: `/etc/hosts`.
    ///   - ifInet6: `/proc/net/if_inet6`, the list of IPv6 addresses.
    init(resolvConf: String?, hosts: String?, ifInet6: String?) {
      resolvers = Self.fields(resolvConf).compactMap { fields in
        guard fields.count >= 2, fields[0] == "nameserver",
          let address = try? Identifier(parsing: fields[1]), address.type == .ip
        else { return nil }
        return address.value.contains(":") ? "[\(address.value)]" : address.value
      }
      for fields in Self.fields(hosts) {
        // nginx does not accept an address with a zone, such as fe80::1%eth0.
        guard let address = try? Identifier(parsing: fields[0]), address.type == .ip else {
          continue
        }
        for name in fields.dropFirst() {
          let name = name.lowercased()
          // The first line wins, but IPv4 replaces IPv6: every upstream listens on IPv4.
          if let known = self.hosts[name], !known.contains(":") || address.value.contains(":") {
            continue
          }
          self.hosts[name] = address.value
        }
      }
      hasIPv6 = !Self.fields(ifInet6).isEmpty
    }

    /// Returns the machine of a process, in a container or not; blocks.
    ///
    /// - Parameter pid: The process ID on this host. If it cannot be inspected, this host is read.
    /// - Returns: The machine.
    static func of(_ pid: Int32) -> Machine {
      func text(_ path: String) -> String? {
        // Root in a container can put any file there.
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

    /// Returns the words of each line, without comments and empty lines.
    private static func fields(_ text: String?) -> [[String]] {
      (text ?? "").split(separator: "\n").compactMap { line in
        let fields = line.prefix { $0 != "#" && $0 != ";" }
          .split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
        return fields.isEmpty ? nil : fields
      }
    }
  }
}
