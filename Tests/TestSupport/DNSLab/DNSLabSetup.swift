import FoundationEssentials

extension DNSLab {
  /// The servers of a lab and their files.
  struct Setup: Sendable {
    let folder: TemporaryFolder
    let namespace: NetworkNamespace

    // MARK: - Knot

    /// Runs the primary and the secondary.
    func serveKnot<Result: Sendable>(
      _ body: (RunningProgram) async throws -> Result
    ) async throws -> Result {
      for (algorithm, secret) in DNSLab.keys {
        try folder.write(
          "update-\(algorithm).key",
          "key \"update-\(algorithm)\" {\n\talgorithm \(algorithm);\n\tsecret \"\(secret)\";\n};\n")
      }
      for zone in ["example.test", "two.test"] {
        try folder.write("primary/\(zone).zone", Self.zone(zone))
      }
      try folder.write("primary/knot.conf", knot("primary", DNSLab.primary))
      try folder.write("secondary/knot.conf", knot("secondary", DNSLab.secondary))
      return try await server("knotd", ["-c", folder.path("primary/knot.conf")]) { _ in
        try await hasZone("two.test", at: DNSLab.primary)
      } _: { _ in
        try await server("knotd", ["-c", folder.path("secondary/knot.conf")]) { _ in
          let first = try await hasZone("example.test", at: DNSLab.secondary)
          let second = try await hasZone("two.test", at: DNSLab.secondary)
          return first && second
        } _: {
          try await body($0)
        }
      }
    }

    private static func zone(_ name: String) -> String {
      """
      $ORIGIN \(name).
      $TTL 60
      @ SOA ns1 hostmaster 1 86400 600 864000 60
      @ NS ns1
      @ NS ns2
      @ A 127.0.0.1
      www A 127.0.0.1
      ns1 A \(DNSLab.primary)
      ns2 A \(DNSLab.secondary)
      _acme-challenge 20 TXT "\(DNSLab.foreign)"
      _acme-challenge.delegated CNAME delegated.acme.other.test.
      _acme-challenge.circle CNAME circle2
      circle2 CNAME _acme-challenge.circle
      forbidden CAA 0 issue "other-ca.test"
      allowed CAA 0 issue "pebble.test; validationmethods=dns-01"

      """
    }

    private func knot(_ role: String, _ address: String) -> String {
      let isPrimary = role == "primary"
      let keys = DNSLab.keys.sorted { $0.key < $1.key }
      let keyText = keys.map { algorithm, secret in
        "  - id: update-\(algorithm)\n    algorithm: \(algorithm)\n    secret: \(secret)"
      }.joined(separator: "\n")
      let zones = ["example.test", "two.test"].map { zone in
        isPrimary
          ? """
            - domain: \(zone)
              file: \(folder.path("primary/\(zone).zone"))
              acl: [update, transfer]
          """
          : """
            - domain: \(zone)
              master: primary
          """
      }.joined(separator: "\n")
      return """
        server:
            rundir: \(folder.path(role))
            listen: \(address)@53
        database:
            storage: \(folder.path(role))
        log:
          - target: stderr
            any: info
        key:
        \(keyText)
        acl:
          - id: update
            key: [\(keys.map { "update-\($0.key)" }.joined(separator: ", "))]
            action: update
          - id: transfer
            address: \(DNSLab.secondary)
            action: transfer
        remote:
          - id: primary
            address: \(DNSLab.primary)@53
            via: \(address)
        template:
          - id: default
            storage: \(folder.path(role))
        zone:
        \(zones)

        """
    }

    // MARK: - BIND and unbound

    /// Runs BIND, the primary of `other.test` and `acme.other.test`.
    func serveBIND<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
      try folder.write(
        "bind/zone",
        """
        $ORIGIN other.test.
        $TTL 60
        @ SOA ns hostmaster 1 86400 600 864000 60
        @ NS ns
        ns A \(DNSLab.bind)
        acme NS ns

        """)
      try folder.write(
        "bind/acme",
        """
        $ORIGIN acme.other.test.
        $TTL 60
        @ SOA ns.other.test. hostmaster.other.test. 1 86400 600 864000 60
        @ NS ns.other.test.

        """)
      try folder.write(
        "bind/named.conf",
        """
        include "\(folder.path("update-hmac-sha256.key"))";
        options {
          directory "\(folder.path("bind"))"; pid-file "pid"; session-keyfile "session";
          listen-on { \(DNSLab.bind); }; listen-on-v6 { none; }; recursion no;
          dnssec-validation no;
        };
        controls { };
        zone "other.test" { type primary; file "zone"; };
        zone "acme.other.test" {
          type primary; file "acme"; allow-update { key "update-hmac-sha256"; };
        };

        """)
      return try await server("named", ["-g", "-c", folder.path("bind/named.conf")]) { _ in
        try await hasZone("acme.other.test", at: DNSLab.bind)
      } _: { _ in
        try await body()
      }
    }

    /// Runs unbound with stub zones for the lab's zones.
    func serveUnbound<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
      let stubs = [
        ("example.test", DNSLab.primary), ("two.test", DNSLab.primary), ("other.test", DNSLab.bind),
      ].map { "stub-zone:\n  name: \"\($0)\"\n  stub-addr: \($1)" }.joined(separator: "\n")
      try folder.write(
        "unbound/unbound.conf",
        """
        server:
          interface: \(DNSLab.resolver)
          access-control: 127.0.0.0/8 allow
          do-not-query-localhost: no
          username: ""
          chroot: ""
          directory: "\(folder.path("unbound"))"
          pidfile: "\(folder.path("unbound/pid"))"
          module-config: "iterator"
          local-zone: "test." nodefault
          use-syslog: no
        remote-control:
          control-enable: no
        \(stubs)

        """)
      return try await server("unbound", ["-d", "-c", folder.path("unbound/unbound.conf")]) { _ in
        try await hasZone("other.test", at: DNSLab.resolver)
      } _: { _ in
        try await body()
      }
    }

    // MARK: - Parts

    private func server<Result: Sendable>(
      _ name: String, _ arguments: [String], isReady: (RunningProgram) async throws -> Bool,
      _ body: (RunningProgram) async throws -> Result
    ) async throws -> Result {
      try await namespace.inside(Program(name, arguments)).serve(isReady: isReady, body)
    }

    private func hasZone(_ zone: String, at server: String) async throws -> Bool {
      let result = try await namespace.inside(
        Program("dig", ["+short", "+time=1", "+tries=1", "@\(server)", zone, "SOA"])
      ).run()
      return result.standardOutput.contains("86400")
    }
  }
}
