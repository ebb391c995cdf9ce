import CertctlSystem
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlDNS

/// Other clients' programs are called as those clients call them, and trusted no more than hooks.
@Suite(.timeLimit(.minutes(10)))
struct ProgramProviderTests {
  private let zone = "example.com"
  private let apex = ProgramBench.apex
  private let wildcard = ProgramBench.wildcard

  // MARK: - Protocols

  @Test func `exec gets lego's arguments and the name after all CNAMEs`() async throws {
    try await ProgramBench.run { bench in
      let path = try bench.script("dns", #"echo "$# $*" >>"$log""#)
      let provider = try LegoExec(bench.context(LegoExec.self, path))
      try await provider.publish([apex, ProgramBench.delegated], in: zone)
      try await provider.remove([apex], in: zone)
      #expect(
        bench.log == """
          3 present _acme-challenge.example.com. \(apex.value)
          3 present www.proofs.example.net. \(ProgramBench.delegated.value)
          3 cleanup _acme-challenge.example.com. \(apex.value)

          """)
    }
  }

  @Test func `exec reads the program and the raw mode from lego's variables`() async throws {
    try await ProgramBench.run { bench in
      let path = try bench.script("dns", #"echo "$# $*" >>"$log""#)
      let provider = try LegoExec(
        bench.context(LegoExec.self, settings: ["EXEC_PATH": path, "EXEC_MODE": "RAW"]))
      try await provider.publish([apex], in: zone)
      try await provider.remove([apex], in: zone)
      #expect(
        bench.log == """
          5 present -- example.com tokenA tokenA.thumb
          5 cleanup -- example.com tokenA tokenA.thumb

          """)
      let nothing = #expect(throws: CertctlError.self) {
        try LegoExec(bench.context(LegoExec.self))
      }
      expectError(nothing, code: .usage, hint: "EXEC_PATH")
      let wrong = #expect(throws: CertctlError.self) {
        try LegoExec(bench.context(LegoExec.self, path, settings: ["EXEC_MODE": "raw"]))
      }
      #expect(wrong?.code == .configuration)
    }
  }

  @Test func `certbot hooks get its variables, and cleanup also the output of auth`() async throws {
    try await ProgramBench.run { bench in
      let show = #"""
        echo "$CERTBOT_DOMAIN $CERTBOT_VALIDATION $CERTBOT_REMAINING_CHALLENGES" \
          "$CERTBOT_ALL_DOMAINS token=${CERTBOT_TOKEN-none}" \
          "output=${CERTBOT_AUTH_OUTPUT-none} own=${CERTCTL_X-none} $MINE" >>"$log"
        """#
      let auth = try bench.script("auth", show + "\necho talk >&2; echo \"id $CERTBOT_VALIDATION\"")
      let cleanup = try bench.script("cleanup", show)
      func provider() throws -> CertbotHook {
        var provider = try CertbotHook(bench.context(CertbotHook.self, "\(auth),\(cleanup)"))
        let variables = ["CERTBOT_TOKEN": "old", "CERTBOT_AUTH_OUTPUT": "old", "MINE": "mine"]
        provider.auth.variables.merge(variables) { $1 }
        provider.cleanup?.variables.merge(variables) { $1 }
        return provider
      }
      let first = try provider()
      try await first.publish([apex, wildcard], in: zone)
      try await first.remove([apex], in: zone)
      try await provider().remove([wildcard], in: zone)
      let both = "example.com,example.com token=none"
      #expect(
        bench.log == """
          example.com \(apex.value) 1 \(both) output=none own=none mine
          example.com \(wildcard.value) 0 \(both) output=none own=none mine
          example.com \(apex.value) 0 example.com token=none output=id \(apex.value) own=none mine
          example.com \(wildcard.value) 0 example.com token=none output= own=none mine

          """)
    }
  }

  @Test func `certctl's own variables are not passed on`() throws {
    let program = try UserProgram(
      "/usr/bin/env", kind: "test",
      environment: Environment(http: { _ in throw HarnessError("no network") }),
      variables: ["CERTCTL_EAB": "secret", "PATH": "/usr/bin", "HOME": "/root"])
    #expect(program.variables == ["PATH": "/usr/bin", "HOME": "/root"])
  }

  @Test func `without a certbot cleanup hook a warning says that the record stays`() async throws {
    try await ProgramBench.run { bench in
      let auth = try bench.script("auth", "true")
      let provider = try CertbotHook(bench.context(CertbotHook.self, auth))
      try await provider.publish([apex, wildcard], in: zone)
      try await provider.remove([apex, wildcard], in: zone)
      #expect(bench.warnings.all.count == 1)
      #expect(bench.warnings.all.first?.hasSuffix(": _acme-challenge.example.com") == true)
    }
  }

  @Test func `a dehydrated hook gets dehydrated's arguments`() async throws {
    try await ProgramBench.run { bench in
      let path = try bench.script("hook", #"echo "$# $*" >>"$log""#)
      let provider = try DehydratedHook(bench.context(DehydratedHook.self, path))
      try await provider.publish([apex], in: zone)
      try await provider.remove([apex], in: zone)
      #expect(
        bench.log == """
          4 deploy_challenge example.com tokenA \(apex.value)
          4 clean_challenge example.com tokenA \(apex.value)

          """)
    }
  }

  @Test func `a uacme hook gets begin, then done, or failed after a crash`() async throws {
    try await ProgramBench.run { bench in
      let path = try bench.script(
        "hook", #"echo "$# $*" >>"$log"; [ "$1 $4" != "begin tokenB" ]"#)
      let provider = try UacmeHook(bench.context(UacmeHook.self, path))
      try await provider.publish([apex], in: zone)
      let refusal = try await programFailure { try await provider.publish([wildcard], in: zone) }
      #expect(refusal.message.hasPrefix("cannot add the record of example.com with the uacme hook"))
      try await provider.remove([apex], in: zone)
      try await UacmeHook(bench.context(UacmeHook.self, path)).remove([wildcard], in: zone)
      #expect(
        bench.log == """
          5 begin dns-01 example.com tokenA \(apex.value)
          5 begin dns-01 example.com tokenB \(wildcard.value)
          5 done dns-01 example.com tokenA \(apex.value)
          5 failed dns-01 example.com tokenB \(wildcard.value)

          """)
    }
  }

  /// Debian's package ships the script.
  ///
  /// The fake nsupdate and dig keep one TXT record in a file.
  @Test(.requires("/usr/share/uacme/nsupdate.sh"))
  func `uacme's packaged nsupdate script works unchanged`() async throws {
    try await ProgramBench.run { bench in
      let record = bench.folder.path("record")
      try bench.script(
        "bin/nsupdate",
        """
        while read -r line; do
          echo "$line" >>"$log"
          case "$line" in
            'update add '*) echo "\\"${line##* }\\"" >\(record) ;;
            'update del '*) rm -f \(record) ;;
          esac
        done
        """)
      try bench.script(
        "bin/dig",
        """
        case "$*" in
          '+noall +authority '*) echo 'example.com. 60 IN SOA ns1.example.com. admin. 1 2 3 4 5' ;;
          '+short example.com. SOA') echo 'ns1.example.com. admin. 1 2 3 4 5' ;;
          '+short example.com. NS') echo ns1.example.com. ;;
          '+short @ns1.example.com. _acme-challenge.example.com TXT') cat \(record) 2>/dev/null ;;
        esac
        exit 0
        """)
      var provider = try UacmeHook(
        bench.context(UacmeHook.self, "/usr/share/uacme/nsupdate.sh"))
      provider.program.timeLimit = .seconds(30)
      let search = provider.program.variables["PATH"] ?? "/usr/bin:/bin"
      provider.program.variables["PATH"] = "\(bench.folder.path("bin")):\(search)"
      try await provider.publish([apex], in: zone)
      #expect(bench.folder.read("record") == "\"\(apex.value)\"\n")
      try await provider.remove([apex], in: zone)
      #expect(!bench.folder.contains("record"))
      #expect(
        bench.log == """
          server ns1.example.com.
          update add _acme-challenge.example.com. 600 IN TXT \(apex.value)
          send
          server ns1.example.com.
          update del _acme-challenge.example.com.
          send

          """)
    }
  }

  @Test func `the user is told which records to create and which to delete`() async throws {
    try await ProgramBench.run { bench in
      let provider = try ManualRecords(bench.context(ManualRecords.self))
      #expect(ManualRecords.descriptor.needsPerson)
      #expect(ManualRecords.descriptor.timeLimit == 3600)
      try await provider.publish([apex, wildcard], in: zone)
      try await provider.remove([apex], in: zone)
      let told = bench.told.all
      try #require(told.count == 2)
      #expect(told[0].contains("Create these TXT records in the zone example.com"))
      for record in [apex, wildcard] {
        #expect(told[0].contains("  _acme-challenge.example.com.  TXT  \"\(record.value)\"\n"))
      }
      #expect(told[1].contains("deleted"))
      #expect(told[1].contains(apex.value) && !told[1].contains(wildcard.value))
    }
  }

  // MARK: - Failures

  @Test func `a failed program is quoted verbatim, without secrets`() async throws {
    try await ProgramBench.run { bench in
      let path = try bench.script(
        "dns", #"printf 'first\n\033[31mtoken %s is wrong\a\n' "$MY_TOKEN" >&2; exit 7"#)
      var provider = try LegoExec(bench.context(LegoExec.self, path))
      provider.program.variables["MY_TOKEN"] = "hunter2hunter2"
      let program = provider
      let error = try await programFailure { try await program.publish([apex], in: zone) }
      #expect(error.code == .challengeFailed)
      #expect(
        error.message == "cannot add _acme-challenge.example.com with the DNS program \(path): "
          + "exit code 7; output: first | \u{1B}[31mtoken *** is wrong\u{7}")
      #expect(error.hint != nil)
    }
  }

  @Test func `only the end of long output is quoted`() async throws {
    try await ProgramBench.run { bench in
      let path = try bench.script("dns", "yes talk | head -n 5000; echo the end; exit 1")
      let provider = try LegoExec(bench.context(LegoExec.self, path))
      let error = try await programFailure { try await provider.publish([apex], in: zone) }
      #expect(error.message.hasSuffix(" | talk | the end"))
      #expect(error.message.count < 900)
    }
  }

  @Test func `a hanging program is stopped`() async throws {
    try await ProgramBench.run { bench in
      let path = try bench.script("dns", "echo waiting; sleep 100")
      var provider = try DehydratedHook(bench.context(DehydratedHook.self, path))
      provider.program.timeLimit = .seconds(1)
      let program = provider
      let error = try await programFailure { try await program.publish([apex], in: zone) }
      #expect(error.message.contains("stopped after 1 s; output: waiting"))
    }
  }

  @Test(
    arguments: [LegoExec.self, CertbotHook.self, DehydratedHook.self, UacmeHook.self]
      as [any DNSProvider.Type])
  func `an unsafe or unusable program is refused before anything runs`(_ type: any DNSProvider.Type)
    async throws
  {
    try await ProgramBench.run { bench in
      let open = try bench.script("open", "true", mode: 0o777)
      let plain = try bench.script("plain", "true", mode: 0o644)
      for (path, words) in [
        (open, "can be written by everybody"), (plain, "it is not executable"),
        ("hooks/relative", "the path is not absolute"),
        (bench.folder.path("gone"), "cannot use"),
      ] {
        let error = #expect(throws: CertctlError.self) { try type.init(bench.context(type, path)) }
        #expect(error?.code == .configuration)
        expectError(error, mentions: words)
      }
      let nothing = #expect(throws: CertctlError.self) { try type.init(bench.context(type)) }
      #expect(nothing?.code == .usage)
    }
  }

  @Test func `the cleanup hook is checked as early as the auth hook`() async throws {
    try await ProgramBench.run { bench in
      let auth = try bench.script("auth", "true")
      let open = try bench.script("open", "true", mode: 0o777)
      let error = #expect(throws: CertctlError.self) {
        try CertbotHook(bench.context(CertbotHook.self, "\(auth),\(open)"))
      }
      expectError(error, mentions: "cleanup hook \(open)")
    }
  }

  @Test func `a change that succeeded is not repeated when another fails`() async throws {
    try await ProgramBench.run { bench in
      let path = try bench.script(
        "dns", #"echo "$1 $3" >>"$log"; [ "$1" = present ] || [ "${3#a}" = "$3" ]"#)
      let provider = try LegoExec(bench.context(LegoExec.self, path))
      try await provider.publish([apex], in: zone)
      try await provider.publish([apex, wildcard], in: zone)
      let failed = try await programFailure {
        try await provider.remove([wildcard, apex], in: zone)
      }
      #expect(failed.message.hasPrefix("cannot remove _acme-challenge.example.com"))
      // The removal that succeeded is not repeated.
      try await provider.remove([apex], in: zone)
      #expect(
        bench.log == """
          present \(apex.value)
          present \(wildcard.value)
          cleanup \(wildcard.value)
          cleanup \(apex.value)

          """)
      try await provider.publish([apex], in: zone)
      #expect(bench.log.hasSuffix("cleanup \(apex.value)\npresent \(apex.value)\n"))
    }
  }
}
