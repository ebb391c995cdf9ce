import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// DNS programs of other ACME clients, with real servers and a real CA.
@Suite(.timeLimit(.minutes(30)), .needsDNSLab())
struct DNSProgramTests {
  /// A zone that only BIND serves.
  private static let zone = "acme.other.test"

  /// Returns a shell function that adds or removes a TXT record: `edit add|del NAME VALUE`.
  private static func edit(_ lab: DNSLab) -> String {
    """
    edit() {
      printf 'server %s\\nupdate %s %s. %s TXT "%s"\\nsend\\n' \\
        \(DNSLab.bind) "$1" "$2" "$(case $1 in add) echo 20 ;; esac)" "$3" |
        nsupdate -k \(lab.folder.path("update-hmac-sha256.key"))
    }

    """
  }

  private static let programs: [(word: String, script: String)] = [
    (
      "exec",
      #"case $1 in present) edit add "${2%.}" "$3" ;; cleanup) edit del "${2%.}" "$3" ;; esac"#
    ),
    (
      "dehydrated-hook",
      """
      case $1 in
        deploy_challenge) edit add "_acme-challenge.$2" "$4" ;;
        clean_challenge) edit del "_acme-challenge.$2" "$4" ;;
      esac
      """
    ),
    (
      "uacme-hook",
      """
      [ "$2" = dns-01 ] || exit 1
      case $1 in
        begin) edit add "_acme-challenge.$3" "$5" ;;
        *) edit del "_acme-challenge.$3" "$5" ;;
      esac
      """
    ),
    (
      "certbot-hook",
      """
      case $CERTBOT_AUTH_OUTPUT in
        '') edit add "_acme-challenge.$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION" && echo made ;;
        made) edit del "_acme-challenge.$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION" ;;
      esac
      """
    ),
    (
      "acmesh",
      """
      dns_own_add() {
        OWN_Key="${OWN_Key:-$(_readaccountconf_mutable OWN_Key)}"
        [ "$OWN_Key" ] || { _err "You must export OWN_Key"; return 1; }
        _saveaccountconf_mutable OWN_Key "$OWN_Key"
        edit add "$1" "$2" && _info "Added, OK"
      }
      dns_own_rm() { edit del "$1" "$2"; }
      """
    ),
  ]

  private func issue(
    _ names: [String], _ provider: String, _ lab: DNSLab, environment: [String: String] = [:]
  ) async throws -> ProgramResult {
    var arguments = lab.issueArguments(names)
    let place = try #require(arguments.firstIndex(of: "rfc2136"))
    arguments[place] = provider
    var program = lab.program(arguments)
    program.environment["RFC2136_TSIG_FILE"] = .some(nil)
    for (name, value) in environment { program.environment[name] = value }
    return try await program.run()
  }

  private func write(_ name: String, _ script: String, _ lab: DNSLab) throws -> String {
    let path = try lab.folder.write(name, "#!/bin/sh\n" + Self.edit(lab) + script + "\n")
    try #require(chmod(path, 0o755) == 0)
    return path
  }

  @Test func `each kind of program validates a domain and its wildcard`() async throws {
    try await DNSLab.run { lab in
      for (word, script) in Self.programs {
        let isScript = word == "acmesh"
        let path = try write(isScript ? "acme/dnsapi/dns_own.sh" : "hooks/\(word)", script, lab)
        let argument = isScript ? "dns_own" : word == "certbot-hook" ? "\(path),\(path)" : path
        let domain = "\(word).\(Self.zone)"
        let result = try await issue(
          [domain, "*.\(domain)"], "\(word):\(argument)", lab,
          environment: ["ACMESH_HOME": lab.folder.path("acme"), "OWN_Key": "hunter2"])
        try result.requireSuccess("issue by \(word)")
        #expect(try await lab.texts("_acme-challenge.\(domain)", at: DNSLab.bind) == [], "\(word)")
        #expect(lab.folder.read("state/live/\(domain)/cert.pem") != nil, "\(word)")
      }
      // The settings of the acme.sh script are saved where the timer's runs find them.
      #expect(lab.folder.read("acme/account.conf") == "SAVED_OWN_Key='hunter2'\n")
      let lineage = try #require(lab.folder.read("state/lineages/acmesh.\(Self.zone).json"))
      #expect(lineage.contains("ACMESH_HOME") && !lineage.contains("hunter2"))
    }
  }

  @Test(.requires("uacme", "/usr/share/uacme/nsupdate.sh"))
  func `uacme's packaged sample script works unchanged`() async throws {
    try await DNSLab.run { lab in
      // The script has no setting for a key, so a wrapper of nsupdate adds it.
      let nsupdate = try #require(InstalledProgram.find("nsupdate"))
      let path = try lab.folder.write(
        "bin/nsupdate",
        "#!/bin/sh\nexec \(nsupdate) -k \(lab.folder.path("update-hmac-sha256.key")) \"$@\"\n")
      try #require(chmod(path, 0o755) == 0)
      let search = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
      try await issue(
        ["sample.\(Self.zone)"], "uacme-hook:/usr/share/uacme/nsupdate.sh", lab,
        environment: ["PATH": "\(lab.folder.path("bin")):\(search)"]
      ).requireSuccess("issue by uacme's script")
      #expect(try await lab.texts("_acme-challenge.sample.\(Self.zone)", at: DNSLab.bind) == [])
    }
  }
}
